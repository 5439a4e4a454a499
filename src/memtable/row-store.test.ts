import { expect, test } from 'vitest'
import { Row } from '../cursor/row.ts'
import { RowStore } from './row-store.ts'

test.each([
  ['large', [100_000, 10, 100_000]],
  ['small', [10, 100_000, 10]],
])('bytes added at once come back when the first ones are %s', (_name, sizes) => {
  const store = new RowStore()
  const blobs = sizes.map((size, n) => new Uint8Array(size).fill(n + 1))
  const ids = blobs.map((bytes) => {
    const { chunk, base } = store.addBytes(bytes, bytes.length)
    return store.record(chunk, base, 1, bytes.length - 1, 0, 0, 1, 0, Number.NaN)
  })
  const row = new Row()
  for (const [n, id] of ids.entries()) {
    store.place(id, row)
    expect(row.keyStart).toBeGreaterThanOrEqual(0)
    expect(Buffer.compare(row.key.subarray(row.keyStart, row.valueEnd), blobs[n]!)).toBe(0)
  }
})
