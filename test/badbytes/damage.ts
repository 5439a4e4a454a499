// Damaged databases: one object of a bucket is truncated or flipped, and whatever is read from the bucket afterwards
// must be right, or a typed error that names the object.

import { openDb } from '../../src/db/open.ts'
import { openReader } from '../../src/db/reader.ts'
import { parseSettings, type SettingsInput } from '../../src/db/settings.ts'
import type { Random } from '../../src/env/random.ts'
import { isSlateDBError } from '../../src/errors.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'
import { SimClock } from '../../src/sim/clock.ts'
import { simEnv } from '../../src/sim/env.ts'
import { simulate } from '../../src/sim/simulate.ts'
import { WriteBatch } from '../../src/write/batch.ts'
import { type Readable, scanAll } from '../compat/read-all.ts'
import { append } from '../model/append.ts'
import { toBytes } from '../model/bytes.ts'
import { type SeenRow, seenRow } from '../model/model.ts'

export type Bucket = ReadonlyMap<string, Uint8Array>

export interface Subject {
  readonly name: string
  readonly root: string
  readonly bucket: Bucket
  readonly rows: readonly SeenRow[]
  readonly mergeOperator: typeof append | undefined
}

export async function bucketOf(store: MemoryStore): Promise<Bucket> {
  const bucket = new Map<string, Uint8Array>()
  for (const { path } of await store.list('')) bucket.set(path, (await store.get(path)).bytes)
  return bucket
}

/** Two tables of several blocks with filters, and a log with rows: puts, deletes, merges, a large value. */
export async function ownDatabase(name: string, more: SettingsInput): Promise<Subject> {
  const store = new MemoryStore()
  const settings = parseSettings({
    flushInterval: null,
    minFilterKeys: 1,
    compactorOptions: null,
    garbageCollectorOptions: null,
    ...more,
  })
  const db = await openDb({
    store,
    path: 'db',
    settings,
    blockSize: 1024,
    mergeOperator: append,
    env: simEnv(name, new SimClock()),
  })
  for (const round of [0, 1, 2]) {
    const batch = new WriteBatch()
    for (let i = round; i < 60; i += round + 1)
      batch.put(toBytes(`key${String(i).padStart(4, '0')}`), toBytes(`${round}-${'v'.repeat(i)}`))
    await db.write(batch)
    await db.delete(toBytes(`key00${10 + round}`))
    await db.merge(toBytes('merged'), toBytes(`${round}`))
    if (round === 1) await db.put(toBytes('large'), toBytes('L'.repeat(5000)))
    await db.flush(round === 2 ? 'wal' : 'memtable')
  }
  const rows = await scanAll(db)
  await db.close({ flush: false })
  return { name, root: 'db', bucket: await bucketOf(store), rows, mergeOperator: append }
}

export interface Mutant {
  readonly what: string
  readonly bytes: Uint8Array
}

/** `flips` random bits, one at a time, and truncations at telling lengths. */
export function mutantsOf(bytes: Uint8Array, random: Random, flips: number): Mutant[] {
  const mutants: Mutant[] = []
  for (let i = 0; i < flips && bytes.length > 0; i++) {
    const at = random.int(0, bytes.length - 1)
    const bit = random.int(0, 7)
    const copy = bytes.slice()
    copy[at]! ^= 1 << bit
    mutants.push({ what: `bit ${bit} of byte ${at} flipped`, bytes: copy })
  }
  const { length } = bytes
  const lengths = [0, 1, 9, 10, length >> 1, length - 10, length - 1, random.int(0, length)]
  for (const cut of new Set(lengths)) {
    if (cut >= 0 && cut < length) mutants.push({ what: `cut to ${cut} of ${length} bytes`, bytes: bytes.slice(0, cut) })
  }
  return mutants
}

/**
 * Opens the damaged bucket and reads it in every way. Returns what is wrong: an answer that is neither right nor a typed
 * error naming the object. Runs in virtual time, so that something that retries for ever shows as stuck.
 */
export async function judge(
  subject: Subject,
  damagedPath: string,
  damaged: Uint8Array | undefined,
  as: 'reader' | 'writer',
  mayAnswerWrong = false,
): Promise<string | undefined> {
  const bucket = new Map(subject.bucket)
  if (damaged === undefined) bucket.delete(damagedPath)
  else bucket.set(damagedPath, damaged)
  const complaints: string[] = []
  const attempt = async (what: string, perform: () => Promise<void>) => {
    try {
      await perform()
      return true
    } catch (error) {
      if (!(error instanceof WrongAnswer)) {
        // What a damaged manifest says of other objects leads to errors that name those.
        const complaint = errorComplaint(error, mayAnswerWrong ? subject.root : damagedPath)
        if (complaint !== undefined) complaints.push(`${what}: ${complaint}`)
      } else if (!mayAnswerWrong) complaints.push(`${what}: ${error.message}`)
      return false
    }
  }
  await simulate(`damage ${damagedPath}`, async (sim) => {
    const store = sim.bucket()
    for (const [path, bytes] of bucket) await store.put(path, bytes, { mode: 'create' })
    const common = { store, path: subject.root, env: sim.env, mergeOperator: subject.mergeOperator }
    let handle: (Readable & { close(options?: { flush: false }): Promise<void> }) | undefined
    await attempt('open', async () => {
      handle = as === 'reader' ? await openReader(common) : await openDb(common)
    })
    if (handle === undefined) return
    const db = handle
    await attempt('scan', () => expectScan(db, subject.rows, false))
    await attempt('reverse scan', () => expectScan(db, subject.rows, true))
    for (const row of subject.rows) {
      const isFine = await attempt('get', async () => {
        const got = await db.getRow(toBytes(row.key))
        expectRow(got && seenRow(got), row)
      })
      if (!isFine) break
    }
    for (const key of ['key', 'key0000a', 'zzz']) {
      await attempt('get of nothing', async () =>
        expectRow(((await db.getRow(toBytes(key))) ?? undefined) as undefined, undefined),
      )
    }
    await attempt('close', () => db.close({ flush: false }))
  })
  return complaints.length === 0 ? undefined : complaints.slice(0, 3).join('; ')
}

class WrongAnswer extends Error {}

async function expectScan(db: Readable, expected: readonly SeenRow[], descending: boolean): Promise<void> {
  const rows = descending ? expected.toReversed() : expected
  const scan = db.scan({ start: undefined, end: undefined }, { descending })
  let at = 0
  // Row by row: also what comes before an error must be right.
  for (let row = await scan.next(); row !== undefined; row = await scan.next()) expectRow(seenRow(row), rows[at++])
  expectRow(undefined, rows[at])
}

function expectRow(got: SeenRow | undefined, expected: SeenRow | undefined): void {
  const text = (row: SeenRow | undefined) =>
    row === undefined ? 'nothing' : [row.key, row.value.slice(0, 60), row.seq, row.createTs, row.expireTs].join(' ')
  if (text(got) !== text(expected)) throw new WrongAnswer(`wrong answer: ${text(got)}, expected ${text(expected)}`)
}

/** Only Data errors, and one of their texts names the object. */
function errorComplaint(error: unknown, path: string): string | undefined {
  if (!isSlateDBError(error)) return `not a typed error: ${error instanceof Error ? error.stack : String(error)}`
  const texts: string[] = []
  for (let one: unknown = error; one instanceof Error; one = one.cause) texts.push(one.message)
  const isNamed = texts.some((text) => text.includes(path))
  if (error.kind !== 'Data') return `kind ${error.kind}: ${texts.join(' <- ')}`
  return isNamed ? undefined : `the object is not named: ${texts.join(' <- ')}`
}
