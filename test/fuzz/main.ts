// npm run fuzz -- [TARGET...] [--seconds N] [--seed SEED] [--jobs N] [--list]
//
// Every target, or those that are named, for N seconds each (10 by default), several at a time with --jobs. A finding is
// printed with the seed that gives it again: `--seed 17:3021` runs that one case, `--seed 17` begins the whole run anew.
// One table, one line of totals; exit code 1 when there are findings, 2 when the call is wrong.

import { fork } from 'node:child_process'
import { parseArgs } from 'node:util'
import { fuzz, type Result, replay } from './runner.ts'
import type { Target } from './target.ts'
import { targets } from './targets.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    jobs: { type: 'string', default: '1' },
    list: { type: 'boolean' },
  },
})
const { seed } = values
const seconds = Number(values.seconds)
const jobs = Number(values.jobs)

function wrongCall(what: string): never {
  console.error(what)
  process.exit(2)
}

function chosen(): readonly Target[] {
  const unknown = positionals.filter((name) => !targets.some((target) => target.name === name))
  if (unknown.length > 0) {
    wrongCall(`there is no target ${unknown.join(', ')}; there are: ${targets.map(({ name }) => name).join(', ')}`)
  }
  return positionals.length === 0 ? targets : targets.filter(({ name }) => positionals.includes(name))
}

async function run(some: readonly Target[], onResult: (result: Result) => void): Promise<void> {
  for (const target of some) {
    onResult(seed.includes(':') ? await replay(target, seed) : await fuzz(target, seed, { seconds }))
  }
}

/** The same in `jobs` processes, each with its share of the targets. */
async function runInJobs(some: readonly Target[], onResult: (result: Result) => void): Promise<void> {
  const shares = Array.from({ length: Math.min(jobs, some.length) }, (_, job) =>
    some.filter((_, i) => i % jobs === job),
  )
  await Promise.all(
    shares.map(async (share) => {
      const args = [...share.map(({ name }) => name), '--seconds', values.seconds, '--seed', seed]
      const child = fork(process.argv[1]!, args, { serialization: 'advanced' })
      child.on('message', (result) => onResult(result as Result))
      const code = await new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)))
      if (code !== 0) throw new Error(`the process of ${share.map(({ name }) => name).join(', ')} ended with ${code}`)
    }),
  )
}

function shown(input: Uint8Array | string): string {
  const text = typeof input === 'string' ? JSON.stringify(input) : Buffer.from(input).toString('hex')
  return text.length > 2000 ? `${text.slice(0, 2000)}... (${input.length} long)` : text
}

function report({ target, cases, accepted, refused, findings, seconds }: Result): void {
  const columns = [cases, accepted, refused, findings.length].map((n) => String(n).padStart(10)).join('')
  console.log(`${target.padEnd(22)}${columns}${seconds.toFixed(1).padStart(10)}`)
  for (const { seed, what, input } of findings) {
    console.log(
      `  FINDING ${what}\n    again with: npm run fuzz -- ${target} --seed ${seed}\n    input: ${shown(input)}`,
    )
  }
}

if (!(seconds > 0)) wrongCall(`--seconds takes a number above 0, not ${values.seconds}`)
if (!Number.isInteger(jobs) || jobs < 1) wrongCall(`--jobs takes a whole number above 0, not ${values.jobs}`)
if (values.list) {
  for (const { name } of targets) console.log(name)
} else if (process.send !== undefined) {
  await run(chosen(), (result) => process.send!(result))
  process.disconnect()
} else {
  console.log(`seed ${seed}`)
  console.log(`${'target'.padEnd(22)}     cases  accepted   refused  findings   seconds`)
  let [cases, findings] = [0, 0]
  await (jobs === 1 ? run : runInJobs)(chosen(), (result) => {
    report(result)
    cases += result.cases
    findings += result.findings.length
  })
  console.log(`${cases} cases, ${findings} findings, seed ${seed}`)
  process.exitCode = findings > 0 ? 1 : 0
}
