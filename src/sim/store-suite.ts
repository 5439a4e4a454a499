// The contract of ObjectStore (protocols.md section 1) as tests that run under any framework against any store: in
// memory, in a folder, simulated, or a real server. A store that passes can carry a database.

import { concatBytes } from '../bytes/compare.ts'
import { Random } from '../env/random.ts'
import { isSlateDBError, isStoreError } from '../errors.ts'
import { type Capabilities, type ObjectStore, type PutMode, resolveRange } from '../objects/store.ts'
import { comparePaths } from '../objects/store-path.ts'
import { RANGE_BEHIND_END } from '../objects/store-range.ts'
import { check, failsWith, same, settled } from './check.ts'

export interface OpenedStore {
  /** An empty place: every test opens its own, and none may see what another wrote. */
  readonly store: ObjectStore
  close?(): Promise<void> | void
}

export interface StoreSuiteOptions {
  /** Registers one test, for example vitest's `test`. */
  readonly test: (name: string, body: () => Promise<void>) => void
  /** Registers a test that does not apply; without it such tests are left out. */
  readonly skip?: (name: string, why: string) => void
  /** What the store under test promises; the suite checks that it says so itself. */
  readonly capabilities: Capabilities
  /** Runs the body of a test inside something, for example a simulation. */
  readonly around?: (body: () => Promise<void>) => Promise<void>
  /** How many callers race for one name. Real servers: 100. */
  readonly racers?: number
  /** How many objects the long listing has; above 2,000 it crosses pages on every real store. */
  readonly listSize?: number
  /** Size of the large object; 0 leaves that test out. */
  readonly largeBytes?: number
  /** Size of all parts of an upload but the last: S3 takes no smaller ones than 5 MiB. */
  readonly partBytes?: number
  /** Names with characters outside of ASCII (the original's stores cannot carry them everywhere). */
  readonly unicode?: boolean
}

const text = (words: string): Uint8Array => new TextEncoder().encode(words)
const OVERWRITE: { mode: PutMode } = { mode: 'overwrite' }
const CREATE: { mode: PutMode } = { mode: 'create' }

/** Registers the tests of the contract for one store; `open` gives every test a fresh, empty one. */
export function storeSuite(name: string, open: () => Promise<OpenedStore>, options: StoreSuiteOptions): void {
  const { capabilities, around = (body) => body() } = options
  const racers = options.racers ?? 100
  const listSize = options.listSize ?? 2100
  const largeBytes = options.largeBytes ?? 64 << 20
  const partBytes = options.partBytes ?? 5 << 20

  const test = (title: string, body: (store: ObjectStore) => Promise<void>, needs: true | string = true) => {
    if (needs !== true) return options.skip?.(`${name}: ${title}`, needs)
    options.test(`${name}: ${title}`, () =>
      around(async () => {
        const { store, close } = await open()
        try {
          await body(store)
        } finally {
          await close?.()
        }
      }),
    )
  }
  const needs = (condition: boolean, why: string): true | string => condition || why

  test('says what it can do', async (store) => {
    same(store.capabilities, capabilities, 'capabilities')
    check(store.describe() !== '', 'a description')
  })

  test('what was written is read back, at once and whole', async (store) => {
    const body = new Random(1).bytes(10_000)
    const { etag } = await store.put('db/a', body, OVERWRITE)
    const got = await store.get('db/a')
    same(got.bytes, body, 'the bytes')
    same([got.size, got.etag], [body.length, etag], 'size and etag of get')
    const head = await store.head('db/a')
    same([head.path, head.size, head.etag], ['db/a', body.length, etag], 'head')
    const [listed] = await store.list('db/')
    same([listed?.path, listed?.size, listed?.etag], ['db/a', body.length, etag], 'list')
    check(Number.isFinite(head.lastModified) && head.lastModified >= 0, 'a modification time')
  })

  test('the last of two overwrites stays, under another etag', async (store) => {
    const first = await store.put('a', text('one'), OVERWRITE)
    const second = await store.put('a', text('two'), OVERWRITE)
    same((await store.get('a')).bytes, text('two'), 'the bytes')
    check(first.etag === undefined || first.etag !== second.etag, 'two etags that differ')
  })

  test('a body in several pieces is one object', async (store) => {
    const pieces = Array.from({ length: 3000 }, (_, i) => new Uint8Array(i % 7).fill(i))
    await store.put('many', pieces, OVERWRITE)
    same((await store.get('many')).bytes, concatBytes(pieces), 'the bytes')
    await store.put('none', [], CREATE)
    same((await store.get('none')).bytes.length, 0, 'the size of nothing')
  })

  test('bytes belong to their side: changing a body or an answer later changes no object', async (store) => {
    const body = text('fixed')
    await store.put('a', body, OVERWRITE)
    body.fill(0)
    const { bytes } = await store.get('a')
    same(bytes, text('fixed'), 'the bytes')
    bytes.fill(0)
    same((await store.get('a')).bytes, text('fixed'), 'the bytes of a second read')
  })

  test('an empty object is an object', async (store) => {
    await store.put('wal/1.sst', new Uint8Array(0), CREATE)
    same((await store.head('wal/1.sst')).size, 0, 'size')
    same((await store.get('wal/1.sst')).bytes.length, 0, 'bytes')
    same(
      (await store.list('wal/')).map((info) => [info.path, info.size]),
      [['wal/1.sst', 0]],
      'list',
    )
    await failsWith('AlreadyExists', store.put('wal/1.sst', text('x'), CREATE), 'a second create')
  })

  test('what is not there is NotFound', async (store) => {
    await store.put('db/a/b', text('x'), OVERWRITE)
    await failsWith('NotFound', store.get('missing'), 'get')
    await failsWith('NotFound', store.head('missing'), 'head')
    await failsWith('NotFound', store.get('missing', { range: { start: 0, end: 1 } }), 'get of a range')
    await failsWith('NotFound', store.head('db/a'), 'head of a folder')
    await failsWith('NotFound', store.get('db/a'), 'get of a folder')
  })

  test('delete removes, and is content when there is nothing', async (store) => {
    await store.put('db/a', text('x'), OVERWRITE)
    await store.delete('db/a')
    await failsWith('NotFound', store.get('db/a'), 'get after delete')
    same(await store.list('db/'), [], 'list after delete')
    await store.delete('db/a')
    await store.delete('never/was/there')
    await store.put('db/a', text('y'), CREATE)
    same((await store.get('db/a')).bytes, text('y'), 'the bytes after a new create')
  })

  test('create loses to what is there', async (store) => {
    const { etag } = await store.put('a', text('first'), CREATE)
    await failsWith('AlreadyExists', store.put('a', text('second'), CREATE), 'the second create')
    const got = await store.get('a')
    same([got.bytes, got.etag], [text('first'), etag], 'what the first one wrote')
  })

  test(`of ${racers} racing creates exactly one wins`, async (store) => {
    await race(store, racers, CREATE, 'AlreadyExists')
  })

  test(
    'compare-and-set wants the etag of now',
    async (store) => {
      const first = await store.put('b', text('1'), CREATE)
      const second = await store.put('b', text('2'), { mode: { ifMatch: first.etag! } })
      check(second.etag !== undefined && second.etag !== first.etag, 'a new etag')
      await failsWith('Precondition', store.put('b', text('3'), { mode: { ifMatch: first.etag! } }), 'the old etag')
      same((await store.get('b')).bytes, text('2'), 'the bytes')
      same((await store.head('b')).etag, second.etag, 'the etag of head')
      await store.put('b', text('4'), { mode: { ifMatch: (await store.get('b')).etag! } })
      same((await store.get('b')).bytes, text('4'), 'the bytes at the end')
      await store.delete('b')
      await failsWith('Precondition', store.put('b', text('5'), { mode: { ifMatch: second.etag! } }), 'after delete')
      await failsWith('NotFound', store.get('b'), 'nothing came back')
    },
    needs(capabilities.compareAndSet, 'no compare-and-set'),
  )

  test(
    `of ${racers} racing compare-and-sets exactly one wins`,
    async (store) => {
      const { etag } = await store.put('race', text('before'), CREATE)
      await race(store, racers, { mode: { ifMatch: etag! } }, 'Precondition')
    },
    needs(capabilities.compareAndSet, 'no compare-and-set'),
  )

  test(
    'a list that grows under compare-and-set loses no entry',
    async (store) => {
      await store.put('n', text('start'), CREATE)
      // An entry is added unless it is there: behind a retrying wrapper, a write whose answer was lost and which others
      // replaced since then looks like a lost race.
      const add = async (entry: string) => {
        for (;;) {
          const { bytes, etag } = await store.get('n')
          const entries = new TextDecoder().decode(bytes).split(' ')
          if (entries.includes(entry)) return
          const next = text([...entries, entry].join(' '))
          const outcome = await settled(store.put('n', next, { mode: { ifMatch: etag! } }))
          if (!outcome.ok && !isStoreError(outcome.error, 'Precondition')) throw outcome.error
        }
      }
      const writer = async (name: string) => {
        for (let i = 0; i < 5; i++) await add(`${name}${i}`)
      }
      await Promise.all(['a', 'b', 'c', 'd'].map(writer))
      const entries = new TextDecoder().decode((await store.get('n')).bytes).split(' ')
      same([entries.length, new Set(entries).size], [21, 21], 'entries, and different ones')
    },
    needs(capabilities.compareAndSet, 'no compare-and-set'),
  )

  test('get with the etag it has is NotModified', async (store) => {
    const { etag } = await store.put('a', text('x'), OVERWRITE)
    check(etag !== undefined, 'an etag')
    await failsWith('NotModified', store.get('a', { ifNoneMatch: etag }), 'the same etag')
    await store.put('a', text('y'), OVERWRITE)
    same((await store.get('a', { ifNoneMatch: etag })).bytes, text('y'), 'the bytes of the new version')
  })

  test('ranges are served exactly', async (store) => {
    const body = new Random(2).bytes(1000)
    await store.put('r', body, OVERWRITE)
    const suffixes = capabilities.suffixRange
      ? [{ suffix: 1 }, { suffix: 100 }, { suffix: 1000 }, { suffix: 5000 }]
      : []
    for (const range of [
      { start: 0, end: 1 },
      { start: 0, end: 1000 },
      { start: 10, end: 20 },
      { start: 999, end: 1000 },
      { start: 990, end: 2000 },
      { start: 0 },
      { start: 500 },
      { start: 999 },
      ...suffixes,
    ]) {
      const got = await store.get('r', { range })
      const [start, end] = resolveRange(range, body.length)
      same(got.bytes, body.subarray(start, end), `bytes of ${JSON.stringify(range)}`)
      same(got.size, 1000, `whole size with ${JSON.stringify(range)}`)
    }
  })

  test('a range behind the end is an error that is not worth a retry', async (store) => {
    await store.put('r', new Random(3).bytes(100), OVERWRITE)
    for (const range of [{ start: 100, end: 101 }, { start: 100 }, { start: 5000, end: 6000 }]) {
      const outcome = await settled(store.get('r', { range }))
      const code = outcome.ok ? 'success' : isSlateDBError(outcome.error) ? outcome.error.code : String(outcome.error)
      same(code, RANGE_BEHIND_END, `outcome of ${JSON.stringify(range)}`)
    }
  })

  test('an empty range serves nothing', async (store) => {
    await store.put('r', new Random(4).bytes(100), OVERWRITE)
    for (const range of [{ start: 5, end: 5 }, { start: 7, end: 3 }, { suffix: 0 }]) {
      const outcome = await settled(store.get('r', { range }))
      check(!outcome.ok || outcome.value.bytes.length === 0, `an error or no bytes for ${JSON.stringify(range)}`)
    }
  })

  test('list takes names that start with the prefix, and no others', async (store) => {
    const names = ['db1/wal/1', 'db1/wal/2', 'db1/wal.x', 'db1/wal0/1', 'db1/manifest/1', 'db10/wal/1', 'db', 'e/f/g/h']
    for (const path of names) await store.put(path, text(path), OVERWRITE)
    const list = async (prefix: string) => (await store.list(prefix)).map((info) => info.path)
    for (const prefix of [
      '',
      'd',
      'db',
      'db1',
      'db1/',
      'db1/wal',
      'db1/wal/',
      'db10/',
      'e/',
      'e/f/g/h',
      'x/',
      'db1/wal/9',
    ]) {
      same(
        await list(prefix),
        names.filter((path) => path.startsWith(prefix)).sort(comparePaths),
        `list of "${prefix}"`,
      )
    }
  })

  test('list goes on behind startAfter', async (store) => {
    const names = ['a/1', 'a/2', 'a/3', 'a/b/1', 'a/b/2', 'a/c', 'b/1']
    for (const path of names) await store.put(path, text('x'), OVERWRITE)
    for (const startAfter of ['a/1', 'a/2', 'a/2x', 'a/b', 'a/b/', 'a/b/1', 'a/c', 'a/z', 'A', '', 'b']) {
      const got = (await store.list('a/', { startAfter })).map((info) => info.path)
      const expected = names.filter((path) => path.startsWith('a/') && comparePaths(path, startAfter) > 0)
      same(got, expected, `list of "a/" behind "${startAfter}"`)
    }
  })

  test(`list gives all of ${listSize} names, ascending`, async (store) => {
    const names = Array.from(
      { length: listSize },
      (_, i) => `long/${String((i * 7919) % listSize).padStart(20, '0')}.sst`,
    )
    await inBatches(names, 50, (path) => store.put(path, new Uint8Array(1), OVERWRITE))
    const sorted = [...names].sort(comparePaths)
    same(
      (await store.list('long/')).map((info) => info.path),
      sorted,
      'names',
    )
    const middle = sorted[Math.floor(listSize / 2)]!
    const rest = await store.list('long/', { startAfter: middle })
    same(
      rest.map((info) => info.path),
      sorted.slice(Math.floor(listSize / 2) + 1),
      'names behind the middle',
    )
    await inBatches(names, 50, (path) => store.delete(path))
    same(await store.list('long/'), [], 'names after all were deleted')
  })

  test('odd names are names', async (store) => {
    const names = ['odd/a b', 'odd/a+b', 'odd/a%2eb', 'odd/.hidden', 'odd/..x', 'odd/a..b', "odd/(a)&b=c,d;e:f@g!h$i'j"]
    if (options.unicode) names.push('odd/grün', 'odd/\u{1f600}', 'odd/\uffee', 'odd/日本')
    for (const path of names) await store.put(path, text(path), CREATE)
    for (const path of names) {
      same((await store.get(path)).bytes, text(path), `bytes of "${path}"`)
      same((await store.head(path)).path, path, `head of "${path}"`)
      same(
        (await store.list(path)).map((info) => info.path),
        [path],
        `list of "${path}"`,
      )
    }
    same(
      (await store.list('odd/')).map((info) => info.path),
      names.sort(comparePaths),
      'list of all',
    )
    for (const path of names) await store.delete(path)
    same(await store.list('odd/'), [], 'list at the end')
  })

  test('names that are none never get far', async (store) => {
    const names = [
      '',
      '/',
      '/a',
      'a/',
      'a//b',
      '.',
      '..',
      '../a',
      'a/../b',
      'a/./b',
      'a\0b',
      'a\nb',
      'a/..',
      'x'.repeat(1025),
    ]
    for (const path of names) {
      const shown = JSON.stringify(path.slice(0, 20))
      await failsWith('InvalidPath', store.put(path, text('x'), OVERWRITE), `put of ${shown}`)
      await failsWith('InvalidPath', store.get(path), `get of ${shown}`)
      await failsWith('InvalidPath', store.head(path), `head of ${shown}`)
      await failsWith('InvalidPath', store.delete(path), `delete of ${shown}`)
    }
    await failsWith('InvalidPath', store.list('../'), 'list of ../')
    await failsWith('InvalidPath', store.list('a/../b'), 'list of a/../b')
    same(await store.list(''), [], 'list of all')
  })

  test(
    'metadata comes back with head',
    async (store) => {
      await store.put('m', text('x'), {
        mode: 'create',
        metadata: { probe: '01ARZ3NDEKTSV4RRFFQ69G5FAV', b: 'two words' },
      })
      const { metadata } = await store.head('m')
      same([metadata?.probe, metadata?.b], ['01ARZ3NDEKTSV4RRFFQ69G5FAV', 'two words'], 'metadata')
      await store.put('m', text('y'), OVERWRITE)
      same((await store.head('m')).metadata?.probe, undefined, 'metadata after an overwrite without')
    },
    needs(capabilities.metadata, 'no metadata'),
  )

  test('a call that was aborted before fails with the reason, and does nothing', async (store) => {
    const reason = new Error('no longer wanted')
    const signal = AbortSignal.abort(reason)
    for (const work of [
      store.put('a', text('x'), { mode: 'create', signal }),
      store.get('a', { signal }),
      store.head('a', { signal }),
      store.delete('a', { signal }),
      store.list('', { signal }),
    ]) {
      const outcome = await settled<unknown>(work)
      check(!outcome.ok && outcome.error === reason, 'the reason of the signal as the error')
    }
    same(await store.list(''), [], 'list')
  })

  test(
    `an object of ${largeBytes} bytes`,
    async (store) => {
      const body = new Random(5).bytes(largeBytes)
      await store.put('large', body, OVERWRITE)
      const got = await store.get('large')
      check(equal(got.bytes, body), 'the same bytes')
      const range = { start: Math.floor(largeBytes * 0.9), end: largeBytes - 45 }
      same((await store.get('large', { range })).bytes, body.subarray(range.start, range.end), 'a range near the end')
    },
    needs(largeBytes > 0, 'left out by largeBytes: 0'),
  )

  uploadTests(test, partBytes)
  copyTests(test)
}

type Register = (title: string, body: (store: ObjectStore) => Promise<void>) => void

function uploadTests(test: Register, partBytes: number): void {
  test('an upload appears whole when it is completed', async (store) => {
    if (store.startUpload === undefined) return
    const upload = await store.startUpload('up/big')
    const parts = [new Random(6).bytes(partBytes), new Random(7).bytes(partBytes + 1), new Random(8).bytes(77)]
    // Sent side by side: their order is the order of the calls.
    await Promise.all([upload.part(parts[0]!), upload.part([parts[1]!.subarray(0, 9), parts[1]!.subarray(9)])])
    await upload.part(parts[2]!)
    same(await store.list('up/'), [], 'list before it is complete')
    await failsWith('NotFound', store.head('up/big'), 'head before it is complete')
    const { etag } = await upload.complete()
    const got = await store.get('up/big')
    check(equal(got.bytes, concatBytes(parts)), 'the parts in the order of the calls')
    same((await store.head('up/big')).etag, etag, 'etag')
  })

  test('an upload replaces what was there, at the end', async (store) => {
    if (store.startUpload === undefined) return
    await store.put('up', text('before'), OVERWRITE)
    const upload = await store.startUpload('up')
    await upload.part(text('after'))
    same((await store.get('up')).bytes, text('before'), 'the bytes meanwhile')
    await upload.complete()
    same((await store.get('up')).bytes, text('after'), 'the bytes at the end')
  })

  test('an aborted upload leaves nothing', async (store) => {
    if (store.startUpload === undefined) return
    const upload = await store.startUpload('up/gone')
    await upload.part(text('x'))
    await upload.abort()
    await upload.abort()
    check(!(await settled(upload.complete())).ok, 'complete to fail after abort')
    same(await store.list('up/'), [], 'list')
  })
}

function copyTests(test: Register): void {
  test('a copy is an object of its own', async (store) => {
    if (store.copy === undefined) return
    await store.put('c/from', text('x'), OVERWRITE)
    await store.put('c/there', text('old'), OVERWRITE)
    await store.copy('c/from', 'c/new/to')
    await store.copy('c/from', 'c/there')
    await store.put('c/from', text('changed'), OVERWRITE)
    await store.delete('c/from')
    same((await store.get('c/new/to')).bytes, text('x'), 'the copy')
    same((await store.get('c/there')).bytes, text('x'), 'the copy over another')
    await failsWith('NotFound', store.copy('c/from', 'c/more'), 'a copy of nothing')
    await failsWith('NotFound', store.get('c/more'), 'get after it')
  })
}

/** All put to one name at once; one succeeds, the others fail as `reason`, and the winner's bytes are there. */
async function race(
  store: ObjectStore,
  racers: number,
  options: { mode: PutMode },
  reason: 'AlreadyExists' | 'Precondition',
): Promise<void> {
  const bodies = Array.from({ length: racers }, (_, i) => text(`writer ${i} was here`))
  const outcomes = await Promise.all(bodies.map((body) => settled(store.put('race', body, options))))
  const winners = outcomes.flatMap((outcome, i) => (outcome.ok ? [i] : []))
  same(winners.length, 1, 'number of winners')
  for (const outcome of outcomes) {
    if (outcome.ok) continue
    const got = isSlateDBError(outcome.error) ? outcome.error.storeReason : String(outcome.error)
    same(got, reason, 'how a loser fails')
  }
  const { bytes, etag } = await store.get('race')
  same(bytes, bodies[winners[0]!], "the winner's bytes")
  const winner = outcomes[winners[0]!]!
  if (winner.ok && winner.value.etag !== undefined) same(etag, winner.value.etag, "the winner's etag")
}

async function inBatches<T>(items: readonly T[], size: number, work: (item: T) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < items.length; i += size) await Promise.all(items.slice(i, i + size).map(work))
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
