// slatedb-ts demo: the main job. A real data set goes into a real database in a folder, its writer is killed without
// warning halfway, and everything that was acknowledged is there afterwards; then reads, scans, the bill, and the
// original engine reading the same files.

import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type Command, Option } from 'commander'
import type { Reader } from '../api/reader.ts'
import { SlateDB } from '../api/slatedb.ts'
import { dataError } from '../errors.ts'
import { dollars as cost, dollarsPerMonth } from '../objects/prices.ts'
import { RequestCounts as Ledger, type RequestCounts } from '../objects/request-counts.ts'
import { ATTRIBUTION, type Cities, loadCities } from './demo-cities.ts'
import { Digester, digestWithPeer, peerInstalled } from './demo-peer.ts'
import { digestInPeerProcess, runAndKillWriter } from './demo-processes.ts'
import { readTour } from './demo-reads.ts'
import { DEMO_SETTINGS, importRows, runDemoWriter, type WriterReport } from './demo-writer.ts'
import { treeText } from './describe.ts'
import { describeDatabase } from './description.ts'
import { bytes, count, dollars, duration, plural, rate, table } from './human.ts'
import { type Opened, openLocation } from './open-location.ts'
import type { Action } from './program.ts'
import { startProgress } from './progress.ts'
import type { Shell } from './shell.ts'

interface DemoFlags {
  readonly folder: string
  readonly role?: 'writer' | 'peer'
  readonly peer: boolean
}

/** Says that a folder is the demo's own, so that a second run may clear it. */
const MARKER = 'slatedb-ts-demo.txt'
const KILL_AT = 0.6

export function addDemo(program: Command, action: Action): void {
  program
    .command('demo')
    .summary('the whole engine in one run, on real data')
    .description(
      'Imports 171,000 cities, kills the writer halfway, shows that nothing acknowledged is lost, reads it back.',
    )
    .option('--folder <folder>', 'where the databases go', 'data')
    .option('--no-peer', 'do not let the original engine read the result')
    .addOption(new Option('--role <role>').choices(['writer', 'peer']).hideHelp())
    .action(action(demo))
}

async function demo(shell: Shell, flags: DemoFlags): Promise<undefined> {
  if (flags.role === 'writer') return void (await runDemoWriter(shell, shell.flags.db!))
  if (flags.role === 'peer') return void (await tellParent(await digestWithPeer(shell.flags.db!)))
  await story(shell, flags)
}

/** Resolves when the message is out: a process that ends takes the rest with it. */
function tellParent(message: object): Promise<void> {
  return new Promise((resolve) => void process.send!(message, undefined, undefined, () => resolve()))
}

async function story(shell: Shell, flags: DemoFlags): Promise<void> {
  const started = shell.clock.monotonic()
  const { bold, dim, green } = shell.colors
  const cities = loadCities()
  const folder = freshFolder(shell, flags.folder)
  const url = `file:${folder}`
  const say = (text: string) => shell.print(text)
  await say(bold(`slatedb-ts: ${count(cities.count)} cities into ${folder}`))
  await say(dim(ATTRIBUTION))

  await say(`\n${bold('1. A writer process imports, and is killed without warning')}`)
  const importBar = startProgress(shell, { label: 'import', total: cities.count, unit: 'rows' })
  const killAt = Math.floor(cities.count * KILL_AT)
  const { last, signal } = await runAndKillWriter(shell, url, killAt, (report) =>
    importBar.update(report.durable, report.durable),
  )
  const importMs = importBar.stop()
  shell.signal.throwIfAborted()
  await say(
    `   ended by ${signal ?? 'itself'} after ${duration(importMs)}; ${count(last.durable)} rows were acknowledged as durable`,
  )

  await say(`\n${bold('2. Open again: recover, then check every acknowledged row')}`)
  const opened = await openLocation(url, shell.streams.env, shell)
  const opening = shell.clock.monotonic()
  const db = await SlateDB.open({ store: opened.store, path: opened.path }, { settings: DEMO_SETTINGS })
  const openMs = shell.clock.monotonic() - opening
  const openRequests = opened.store.counts.requests()
  const checking = shell.clock.monotonic()
  const { present } = await checkRows(db, cities, last.durable)
  await say(`   recovered in ${duration(openMs)} with ${plural(openRequests, 'request')}`)
  await say(
    `   ${green('nothing lost')}: all ${count(last.durable)} acknowledged rows are there, byte for byte ` +
      `(${duration(shell.clock.monotonic() - checking)}); ${count(present - last.durable)} more had reached the log unacknowledged`,
  )

  await say(`\n${bold('3. Finish the import')}`)
  const beforeRest = opened.store.counts.snapshot()
  const restBar = startProgress(shell, { label: 'import', total: cities.count, unit: 'rows' })
  await importRows(db, cities, present, (durable) => restBar.update(durable, durable))
  await db.close()
  const restMs = restBar.stop()
  await say(
    `   ${count(cities.count - present)} rows in ${duration(restMs)} (${rate(cities.count - present, restMs)}), flushed and closed`,
  )
  const rest = opened.store.counts.since(beforeRest)

  await say(`\n${bold('4. Read it')}`)
  const reader = await SlateDB.openReader({ store: opened.store, path: opened.path })
  const ours = new Digester()
  try {
    await readTour(shell, reader, cities)
    await digestAll(reader, ours)
  } finally {
    await reader.close()
  }

  const description = await describeDatabase(opened)
  await say(`\n${description.trees.map((tree) => treeText(tree, bold)).join('\n')}`)
  await bill(shell, { writer: last, writerMs: importMs, opened, rest, restMs, storedBytes: description.totalBytes })
  if (flags.peer) await compareWithPeer(shell, url, ours.done())

  await say(`\n${green('Done')} in ${duration(shell.clock.monotonic() - started)}. Try next:`)
  for (const args of [`describe`, `scan --prefix FR/Paris`, `get "FR/Paris/48.85341,2.3488"`, `doctor`]) {
    await say(`  ${programName()} --db ${folder} ${args}`)
  }
}

/** `<folder>/cities`, cleared when an earlier demo made it, or the first free `cities-2`, `cities-3`, ... */
function freshFolder(shell: Shell, parent: string): string {
  mkdirSync(parent, { recursive: true })
  for (let n = 1; ; n++) {
    const folder = join(parent, n === 1 ? 'cities' : `cities-${n}`)
    if (existsSync(folder)) {
      if (!existsSync(join(folder, MARKER))) continue
      shell.note(`removing the database of an earlier demo: ${folder}`)
      rmSync(folder, { recursive: true })
    }
    mkdirSync(folder)
    writeFileSync(
      join(folder, MARKER),
      `Made by "slatedb-ts demo", which clears this folder when it runs again.\n${ATTRIBUTION}\n`,
    )
    return folder
  }
}

/** Every acknowledged row must be there with its bytes; behind them whole batches may follow, and nothing after a gap. */
async function checkRows(db: SlateDB, cities: Cities, acknowledged: number): Promise<{ present: number }> {
  let present = 0
  for (let at = 0; at < cities.count; at += 1000) {
    const rows = Array.from({ length: Math.min(1000, cities.count - at) }, (_, i) => cities.row(at + i))
    const found = await db.getMany(rows.map((row) => row.key))
    for (const [i, row] of rows.entries()) {
      const index = at + i
      const value = found[i]
      if (value === undefined) {
        if (index < acknowledged) throw lost(index, 'is missing')
        continue
      }
      if (Buffer.compare(value as Uint8Array, row.value) !== 0) throw lost(index, 'has other bytes')
      if (present !== index) throw lost(index, `is there although row ${present} before it is not`)
      present++
    }
  }
  return { present }
}

function lost(index: number, what: string) {
  return dataError('DEMO_LOST', `row ${index} ${what}: this must never happen, please report it`)
}

async function digestAll(reader: Reader, digester: Digester): Promise<void> {
  const rows = reader.scan({})
  for (;;) {
    const batch = await rows.nextBatch(1000)
    for (const [key, value] of batch) digester.add(key as Uint8Array, value as Uint8Array)
    if (batch.length < 1000) return
  }
}

interface Bill {
  readonly writer: WriterReport
  readonly writerMs: number
  readonly opened: Opened
  readonly rest: RequestCounts
  readonly restMs: number
  readonly storedBytes: number
}

async function bill(shell: Shell, { writer, writerMs, opened, rest, restMs, storedBytes }: Bill): Promise<void> {
  const { bold } = shell.colors
  const importing = new Ledger()
  for (const row of [...writer.requests, ...rest.rows()]) add(importing, row)
  const all = new Ledger()
  for (const row of [...writer.requests, ...opened.store.counts.rows()]) add(all, row)
  const classes = ['manifest', 'wal', 'compacted', 'compactions'] as const
  const rows = classes.flatMap((objectClass) => {
    const of = all.rows({ objectClass })
    const sum = (apis: readonly string[]) =>
      of.filter((row) => apis.includes(row.api)).reduce((total, row) => total + row.requests, 0)
    if (of.length === 0) return []
    return [
      [
        objectClass,
        count(sum(['put'])),
        count(sum(['list', 'list_with_offset'])),
        count(sum(['get', 'get_range', 'head'])),
      ],
    ]
  })
  await shell.print(`\n${bold('requests of this run, and what they would cost on S3')}`)
  await shell.print(table([['', 'put', 'list', 'get'], ...rows]))
  const perMonth = dollarsPerMonth(importing, writerMs + restMs)
  await shell.print(
    `  this run ${dollars(cost(all))}; importing like this day and night ${dollars(perMonth)} per month; ` +
      `keeping ${bytes(storedBytes)} ${dollars(dollarsPerMonth(new Ledger(), 1, { storedBytes }))} per month`,
  )
}

function add(ledger: RequestCounts, row: ReturnType<RequestCounts['rows']>[number]): void {
  const into = ledger.row(row.role, row.objectClass, row.api)
  into.requests += row.requests
  into.errors += row.errors
  into.bytesUp += row.bytesUp
  into.bytesDown += row.bytesDown
}

async function compareWithPeer(shell: Shell, url: string, ours: ReturnType<Digester['done']>): Promise<void> {
  const { bold, green } = shell.colors
  if (!peerInstalled()) {
    shell.note(
      'the original engine is not installed, so it did not read the result (npm install --no-save @slatedb/uniffi@0.12.1)',
    )
    return
  }
  await shell.print(`\n${bold('5. The original engine (Rust, @slatedb/uniffi) opens the same folder')}`)
  const start = shell.clock.monotonic()
  const theirs = await digestInPeerProcess(shell, url)
  if (theirs === undefined) return
  if (theirs.rows !== ours.rows || theirs.sha256 !== ours.sha256) {
    throw dataError(
      'DEMO_PEER',
      `the original engine reads ${theirs.rows} rows (${theirs.sha256}), we read ${ours.rows} (${ours.sha256})`,
    )
  }
  await shell.print(
    `   ${green('both agree')}: ${count(theirs.rows)} rows, sha256 ${theirs.sha256.slice(0, 16)}…, ` +
      `in ${duration(shell.clock.monotonic() - start)} there`,
  )
}

/** How this program was called, so that the printed commands can be pasted. */
function programName(): string {
  const script = relative(process.cwd(), process.argv[1] ?? '')
  return script.endsWith(join('cli', 'main.js')) && !script.includes('node_modules')
    ? `node ${script}`
    : 'npx slatedb-ts'
}
