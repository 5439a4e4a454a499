import { expect, test } from 'vitest'
import { decodeUtf8, encodeUtf8 } from '../../src/bytes/text.ts'
import { openDb } from '../../src/db/open.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'

const concat = (_key: Uint8Array, existing: Uint8Array | undefined, operand: Uint8Array) =>
  encodeUtf8(decodeUtf8(existing ?? new Uint8Array(0)) + decodeUtf8(operand))

test.each([
  [
    'throws',
    {
      mergeOperator: () => {
        throw new Error('no')
      },
    },
  ],
  ['is missing', {}],
])('a merge operator that %s stops neither flush nor other keys, and nothing is lost', async (_, options) => {
  const store = new MemoryStore()
  const good = await openDb({ store, path: 'db', mergeOperator: concat })
  await good.merge(encodeUtf8('list'), encodeUtf8('a'))
  await good.merge(encodeUtf8('list'), encodeUtf8('b'))
  await good.put(encodeUtf8('other'), encodeUtf8('1'))
  await good.close({ flush: 'wal' })

  const bad = await openDb({ store, path: 'db', ...options })
  await bad.flush('memtable')
  expect(decodeUtf8((await bad.get(encodeUtf8('other')))!)).toBe('1')
  await expect((async () => bad.get(encodeUtf8('list')))()).rejects.toMatchObject({ kind: 'Invalid' })
  await bad.close()

  const again = await openDb({ store, path: 'db', mergeOperator: concat })
  expect(decodeUtf8((await again.get(encodeUtf8('list')))!)).toBe('ab')
  await again.close()
})
