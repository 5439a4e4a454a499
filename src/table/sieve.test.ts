import { expect, test } from 'vitest'
import { Random } from '../env/random.ts'
import { Sieve, SieveEntry } from './sieve.ts'

class Entry extends SieveEntry {
  gone = 0
  override evicted(): void {
    this.gone++
  }
}

test('what was looked at outlives what was not', () => {
  const sieve = new Sieve(30)
  const [a, b, c, d] = [new Entry(10), new Entry(10), new Entry(10), new Entry(10)] as const
  for (const entry of [a, b, c]) expect(sieve.insert(entry)).toBe(true)
  a.visited = true
  sieve.insert(d)
  expect([a.gone, b.gone, c.gone, d.gone]).toEqual([0, 1, 0, 0])
  expect(sieve.insert(new Entry(31))).toBe(false)
})

test('never more than its capacity, whatever happens', () => {
  const random = new Random('sieve')
  const sieve = new Sieve(1000)
  const held = new Set<Entry>()
  for (let i = 0; i < 20_000; i++) {
    const way = random.int(0, 9)
    const some = held.size === 0 ? undefined : random.pick([...held])
    if (way < 5) {
      const entry = new Entry(random.int(1, 300))
      sieve.insert(entry)
      held.add(entry)
    } else if (way < 9) {
      if (some !== undefined) some.visited = true
    } else if (some !== undefined) sieve.remove(some)
    for (const entry of held) if (!entry.held) held.delete(entry)
    let used = 0
    for (const entry of held) {
      used += entry.size
      expect(entry.gone).toBe(0)
    }
    expect(sieve.used).toBe(used)
    expect(sieve.count).toBe(held.size)
    expect(used).toBeLessThanOrEqual(1000)
  }
})
