// Random operations for the model and the engine: few keys, so that versions pile up, and values that are never the
// same twice, so that no wrong answer looks right.

import type { Random } from '../../src/env/random.ts'
import type { Ttl } from '../../src/write/options.ts'
import type { Bounds, Op } from './model.ts'

const ODD_KEYS = ['\0', 'a', 'a\0', '\xff\xff\xff', 'k', `long/${'x'.repeat(300)}`, 'k0\xff', '~']

export class Operations {
  readonly keys: readonly string[]
  readonly #random: Random
  readonly #largeValues: boolean
  readonly #ttl: boolean
  #count = 0

  constructor(random: Random, options: { ttl?: boolean } = {}) {
    this.#random = random
    this.#ttl = options.ttl ?? true
    const plain = Array.from({ length: random.int(3, 30) }, (_, i) => `k${String(i).padStart(random.int(1, 4), '0')}`)
    this.keys = [...new Set([...plain, ...ODD_KEYS.filter(() => random.chance(0.4))])]
    this.#largeValues = random.chance(0.3)
  }

  key(): string {
    return this.#random.pick(this.keys)
  }

  value(): string {
    const random = this.#random
    if (random.chance(0.03)) return ''
    const token = `<${++this.#count}>`
    if (this.#largeValues && random.chance(0.1)) return token.padEnd(random.int(500, 9000), 'abcdefg')
    return token.padEnd(random.int(3, 60), '.')
  }

  ttl(now: number): Ttl {
    const random = this.#random
    if (!this.#ttl || random.chance(0.7)) return 'default'
    if (random.chance(0.3)) return 'none'
    if (random.chance(0.5)) return { after: random.pick([0, 1, 50, 2000, 86_400_000]) }
    return { at: now + random.pick([-5, 1, 500, 20_000, 86_400_000]) }
  }

  /** One batch. Merges on one key carry one TTL, and none after a delete: other batches are refused (W-3). */
  batch(now: number, count: number): Op[] {
    const random = this.#random
    const ttl = this.ttl(now)
    const ops: Op[] = []
    const deleted = new Set<string>()
    for (let i = 0; i < count; i++) {
      const key = this.key()
      const kind = random.pick(['put', 'put', 'put', 'merge', 'merge', 'delete'] as const)
      if (kind === 'delete') deleted.add(key)
      else if (kind === 'put') deleted.delete(key)
      if (kind === 'merge' && deleted.has(key)) continue
      ops.push({ kind, key, value: kind === 'delete' ? '' : this.value(), ttl })
    }
    return ops.length > 0 ? ops : [{ kind: 'put', key: this.key(), value: this.value(), ttl }]
  }

  bounds(): Bounds {
    const random = this.#random
    if (random.chance(0.4)) return {}
    const [a, b] = [this.key(), this.key()]
    const [from, to] = a < b || random.chance(0.05) ? [a, b] : [b, a]
    return {
      from: random.chance(0.8) ? from : undefined,
      to: random.chance(0.8) ? to : undefined,
      fromInclusive: random.chance(0.7),
      toInclusive: random.chance(0.3),
    }
  }
}
