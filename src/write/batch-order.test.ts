import { expect, test } from 'vitest'
import { VALUE } from '../cursor/row.ts'
import { Random } from '../env/random.ts'
import { BatchOps } from './batch-ops.ts'
import { orderedIds } from './batch-order.ts'

const KINDS: Record<string, (random: Random) => Uint8Array> = {
  'random bytes': (random) => random.bytes(1 + random.int(0, 12)),
  'a shared beginning': (random) =>
    Uint8Array.of(...new TextEncoder().encode('orders/'), ...random.bytes(random.int(0, 9))),
  'two families': (random) =>
    Uint8Array.of(7, 7, 7, 7, 7, 7, 7, random.int(0, 2), 1, 1, 1, 1, 1, 1, random.int(0, 3), random.int(0, 4)),
  'keys that go on with zeros': (random) => Uint8Array.of(1, ...new Uint8Array(random.int(0, 20))),
  'few keys, many versions': (random) => Uint8Array.of(random.int(0, 5)),
}

for (const [kind, makeKey] of Object.entries(KINDS)) {
  test(`keys ascending, newest first within a key: ${kind}`, () => {
    for (let round = 0; round < 40; round++) {
      const seed = `order ${kind} ${round}`
      const random = new Random(seed)
      const count = 1 + random.int(0, round % 4 === 0 ? 2000 : 40)
      const keys = Array.from({ length: count }, () => makeKey(random))
      const ops = new BatchOps(8)
      for (const key of keys) ops.add(key, random.bytes(3), VALUE, undefined)
      const expected = keys.map((_, id) => id).sort((a, b) => Buffer.compare(keys[a]!, keys[b]!) || b - a)
      expect(Array.from(orderedIds(ops)), `seed ${seed}`).toEqual(expected)
    }
  })
}
