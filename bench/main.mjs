// npm run bench: the table of speeds against the original, @slatedb/uniffi, in one run. Every measurement is a process of
// its own; the engines take turns, so that a slow minute of the machine hits both.
//
//   --only <text>      workloads whose name contains this      --runs <n>      measurements per engine (3)
//   --engines a,b      ours, peer                              --seconds <s>   per measurement (1.5)
//   --json             results as JSON                         --write         also to docs/benchmarks.md

import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { printReport, writeReport } from './report.mjs'
import { roundTrips } from './round-trips.mjs'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const exec = promisify(execFile)
/** No new round of measurements begins after this. */
const BUDGET_MS = 540_000

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    runs: { type: 'string', default: '3' },
    engines: { type: 'string', default: 'ours,peer' },
    seconds: { type: 'string', default: '1.5' },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})

const ORDER = [
  'load',
  'put',
  'durable',
  'get',
  'scan',
  'short-scan',
  'transaction',
  'merge',
  'replay',
  'memory',
  'startup',
]
const files = readdirSync(`${HERE}workloads`).map((file) => file.replace('.mjs', ''))
const names = [...ORDER.filter((name) => files.includes(name)), ...files.filter((name) => !ORDER.includes(name))]

const cases = []
for (const workload of names) {
  const { title, unit, show = 'rate', variants } = await import(`./workloads/${workload}.mjs`)
  for (const [variant, about] of Object.entries(variants)) {
    if (!`${workload} ${title} ${variant}`.includes(flags.only)) continue
    cases.push({ workload, variant, title, unit, show, about, results: { ours: [], peer: [] }, errors: {} })
  }
}
if (cases.length === 0)
  throw new Error(`no workload's name contains ${JSON.stringify(flags.only)}; there are: ${names.join(', ')}`)

const started = performance.now()
const runs = Number(flags.runs)
for (let run = 1; run <= runs; run++) {
  if (run > 1 && performance.now() - started > BUDGET_MS * ((run - 1) / runs)) {
    process.stderr.write(`stopping after ${run - 1} of ${runs} runs: the time is used up\n`)
    break
  }
  for (const each of cases) {
    if (run > (each.about.runs ?? runs)) continue
    const engines = each.about.ours ? ['ours'] : flags.engines.split(',')
    // Who goes first changes from run to run.
    for (const engine of run % 2 === 0 ? [...engines].reverse() : engines) await measure(each, engine, run)
  }
}

const trips = flags.only === '' || 'round-trips'.includes(flags.only) ? await roundTrips() : []
const report = { cases, trips, seconds: Number(flags.seconds), totalMs: performance.now() - started }
if (flags.json) process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`)
else printReport(report)
if (flags.write) writeReport(report)
process.exit(cases.some((each) => each.errors.ours !== undefined) ? 1 : 0)

async function measure(each, engine, run) {
  process.stderr.write(`run ${run}/${runs}  ${each.title}, ${each.variant}: ${engine}\n`)
  try {
    const { stdout } = await exec(
      process.execPath,
      ['--expose-gc', '--max-old-space-size=8192', `${HERE}child.mjs`, engine, each.workload, each.variant],
      { timeout: 180_000, maxBuffer: 1 << 24, env: { ...process.env, BENCH_SECONDS: flags.seconds } },
    )
    each.results[engine].push(JSON.parse(stdout.trim().split('\n').at(-1)))
  } catch (error) {
    const lines = String(error.stderr ?? error.message).split('\n')
    each.errors[engine] = lines.find((line) => /Error/.test(line)) ?? lines[0]
    process.stderr.write(`  failed: ${each.errors[engine]}\n`)
  }
}
