import { describe, expect, test } from 'vitest'
import { encodeUtf8 } from '../bytes/text.ts'
import { noCodec } from '../compress/codec.ts'
import { Row } from '../cursor/row.ts'
import { storeError } from '../errors.ts'
import { Paths } from '../format/paths.ts'
import { WalTableBuilder } from '../format/wal-table.ts'
import { copyBody } from '../objects/body.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import { replayWal } from './replay.ts'

const paths = new Paths('db')

/** A log object with one row. */
async function file(seq: number, valueBytes = 1): Promise<Uint8Array> {
  const builder = new WalTableBuilder({ blockSize: 4096, codec: noCodec, filterFormat: 'composite' })
  const row = new Row()
  row.key = encodeUtf8('k')
  row.keyEnd = 1
  row.value = new Uint8Array(valueBytes)
  row.valueEnd = valueBytes
  row.seqLo = seq
  builder.add(row)
  return copyBody((await builder.finish()).body)
}

async function log(files: readonly Uint8Array[]): Promise<{ store: MemoryStore; sizes: Map<number, number> }> {
  const store = new MemoryStore()
  const sizes = new Map<number, number>()
  for (const [i, bytes] of files.entries()) {
    await store.put(paths.wal(i + 1), bytes, { mode: 'create' })
    sizes.set(i + 1, bytes.length)
  }
  return { store, sizes }
}

interface Options {
  readonly store: MemoryStore
  readonly sizes: ReadonlyMap<number, number>
  readonly aheadBytes?: number
  readonly onRows?: () => Promise<void>
}

async function replayed({ store, sizes, aheadBytes = 1 << 20, onRows }: Options): Promise<number[]> {
  const seqs: number[] = []
  await replayWal({
    store,
    paths,
    from: 1,
    to: sizes.size,
    sizes,
    transformer: undefined,
    ahead: 16,
    aheadBytes,
    onRows,
    onRow: (row) => seqs.push(row.seqLo),
    onFile: () => {},
  })
  return seqs
}

describe('the order of sequence numbers (RC-4)', () => {
  test('files that go up are replayed', async () => {
    expect(await replayed(await log([await file(1), new Uint8Array(0), await file(2), await file(7)]))).toEqual([
      1, 2, 7,
    ])
  })

  test.each([
    ['goes back', 4],
    ['stands still', 5],
  ])('a file whose first number %s ends the replay before any of its rows, and is named', async (_, next) => {
    const { store, sizes } = await log([await file(5), await file(next)])
    const rows: number[] = []
    const replay = replayWal({
      store,
      paths,
      from: 1,
      to: 2,
      sizes,
      transformer: undefined,
      ahead: 16,
      aheadBytes: 1 << 20,
      onRow: (row) => rows.push(row.seqLo),
      onFile: () => {},
    })
    await expect(replay).rejects.toMatchObject({
      kind: 'Data',
      code: 'SLATEDB_WAL_ORDER',
      message: expect.stringContaining(paths.wal(2)),
    })
    expect(rows).toEqual([5])
  })
})

describe('memory', () => {
  test('files that are here or on their way are bounded by their bytes', async () => {
    const files = []
    for (let seq = 1; seq <= 20; seq++) files.push(await file(seq, 10_000))
    const { store, sizes } = await log(files)
    let held = 0
    let most = 0
    const get = store.get.bind(store)
    store.get = (path, options) => {
      held += 10_000
      most = Math.max(most, held)
      return get(path, options)
    }
    const seqs = await replayed({ store, sizes, aheadBytes: 32_000, onRows: async () => void (held -= 10_000) })
    expect(seqs).toHaveLength(20)
    expect(most).toBe(30_000)
  })

  test('a file that is larger than the bound comes alone', async () => {
    const { store, sizes } = await log([await file(1, 10_000), await file(2, 10_000), await file(3, 10)])
    expect(await replayed({ store, sizes, aheadBytes: 100 })).toEqual([1, 2, 3])
  })
})

describe('a file that the store does not find', () => {
  test('is asked for twice before the log counts as truncated', async () => {
    const { store, sizes } = await log([await file(1), await file(2)])
    const asked: string[] = []
    const get = store.get.bind(store)
    store.get = async (path, options) => {
      asked.push(path)
      if (path === paths.wal(2) && asked.filter((one) => one === path).length === 1) {
        throw storeError('NotFound', path, 'not seen yet')
      }
      return get(path, options)
    }
    expect(await replayed({ store, sizes })).toEqual([1, 2])
    expect(asked).toHaveLength(3)
  })

  test('is missing when both answers say so', async () => {
    const { store, sizes } = await log([await file(1), await file(2)])
    await store.delete(paths.wal(2))
    await expect(replayed({ store, sizes })).rejects.toMatchObject({ code: 'SLATEDB_WAL_TRUNCATED' })
  })
})
