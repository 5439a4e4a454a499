// slatedb-ts bench: how fast this engine is here, on this store. Small on purpose; the comparison with the original is
// `npm run bench` in the repository.

import { type Command, InvalidArgumentError } from 'commander'
import { SlateDB } from '../api/slatedb.ts'
import { mintUlid } from '../bytes/ids.ts'
import { Random, systemRandom } from '../env/random.ts'
import { dollars as cost } from '../objects/prices.ts'
import { WriteBatch } from '../write/batch.ts'
import { count, dollars, duration, plural, rate, table } from './human.ts'
import { locate } from './locate.ts'
import { type Opened, openLocation } from './open-location.ts'
import type { Action } from './program.ts'
import type { Shell } from './shell.ts'

interface BenchFlags {
  readonly rows: number
  readonly valueSize: number
  readonly seconds: number
}

interface Result {
  readonly what: string
  readonly operations: number
  readonly ms: number
  readonly requests: number
}

const ROWS_PER_BATCH = 1000
const CLIENTS = 64

export function addBench(program: Command, action: Action): void {
  program
    .command('bench')
    .summary('measure puts, gets and scans')
    .description(
      'Loads rows, then measures durable puts, point reads and scans. In memory by default; with --db in a database of its ' +
        'own beside the given one, deleted afterwards. It does real requests, which cost real money on a real store.',
    )
    .option('--rows <n>', 'rows to load', wholeNumber, 100_000)
    .option('--value-size <bytes>', 'bytes per value', wholeNumber, 100)
    .option('--seconds <s>', 'per measurement', wholeNumber, 2)
    .action(action(bench))
}

async function bench(shell: Shell, flags: BenchFlags): Promise<undefined> {
  const random = systemRandom()
  const given = shell.flags.db === undefined ? { url: 'memory:', env: shell.streams.env } : locate(shell)
  const opened = await openLocation(given.url, given.env, shell)
  const path = `${opened.path}-bench-${mintUlid(shell.clock.now(), random.bytes(10))}`
  const results: Result[] = []
  try {
    const db = await SlateDB.open({ store: opened.store, path })
    try {
      await measureAll(shell, db, opened, flags, (result) => {
        results.push(result)
        shell.note(`${result.what}: ${rate(result.operations, result.ms)}`)
      })
    } finally {
      await db.close({ flush: false })
    }
  } finally {
    for (const { path: name } of await opened.store.list(`${path}/`)) await opened.store.delete(name)
  }
  if (shell.json) return void (await shell.printJson({ store: opened.store.describe(), results }))
  await shell.print(shell.colors.bold(`${opened.store.describe()}, ${flags.valueSize}-byte values`))
  const rows = results.map((result) => [
    result.what,
    rate(result.operations, result.ms),
    `${duration(result.ms / result.operations)} each`,
    plural(result.requests, 'request'),
  ])
  await shell.print(table(rows))
  await shell.print(`  all requests together would cost ${dollars(cost(opened.store.counts))} on S3 Standard`)
}

async function measureAll(
  shell: Shell,
  db: SlateDB,
  { store }: Opened,
  flags: BenchFlags,
  onResult: (result: Result) => void,
): Promise<void> {
  const random = new Random('bench')
  const value = random.bytes(flags.valueSize)
  const keys = Array.from({ length: flags.rows }, () => random.bytes(16))
  const pick = () => keys[random.int(0, keys.length - 1)]!
  const measure = async (what: string, body: () => Promise<number>) => {
    shell.signal.throwIfAborted()
    const requests = store.counts.requests()
    const start = shell.clock.monotonic()
    const operations = await body()
    onResult({ what, operations, ms: shell.clock.monotonic() - start, requests: store.counts.requests() - requests })
  }
  /** `clients` loops side by side until the time is over; returns how many calls that were. */
  const loop = async (clients: number, step: () => Promise<unknown>) => {
    const end = shell.clock.monotonic() + flags.seconds * 1000
    let calls = 0
    const client = async () => {
      while (shell.clock.monotonic() < end && !shell.signal.aborted) {
        await step()
        calls++
      }
    }
    await Promise.all(Array.from({ length: clients }, client))
    return calls
  }
  await measure(`load of ${count(flags.rows)} rows, flushed`, async () => {
    for (let at = 0; at < keys.length; at += ROWS_PER_BATCH) {
      const batch = new WriteBatch()
      for (const key of keys.slice(at, at + ROWS_PER_BATCH)) batch.put(key, value)
      await db.write(batch, { durability: 'memory' })
    }
    await db.flush('memtable')
    return keys.length
  })
  await measure('puts, in memory', () => loop(1, () => db.put(pick(), value, { durability: 'memory' })))
  await measure('durable puts, 1 client', () => loop(1, () => db.put(pick(), value)))
  await measure(`durable puts, ${CLIENTS} clients`, () => loop(CLIENTS, () => db.put(pick(), value)))
  await measure('gets', () => loop(1, () => db.get(pick())))
  await measure('gets of missing keys', () => loop(1, () => db.get(random.bytes(16))))
  await measure('scans of 100 rows', () => loop(1, () => db.scan({ gte: pick(), limit: 100 }).toArray()))
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('Expected a whole number above 0.')
  return value
}
