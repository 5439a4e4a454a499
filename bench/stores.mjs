// What an object store with the latency of a real one allows: `npm run bench:stores`. The store is a process of its own
// that speaks S3 over loopback and waits before it answers; every measurement has a process of its own, too.
//
//   --mib 256      size of the scanned database        --put-ms 40    a PUT takes
//   --mbps 25      bytes of one connection, MB/s       --get-ms 20    a GET, HEAD or LIST takes
//   --tables 1000  tables of the database to open      --rounds 5     of which the medians are printed

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'

const number = (value) => ({ type: 'string', default: String(value) })
const { values } = parseArgs({
  options: {
    mib: number(256),
    mbps: number(25),
    tables: number(1000),
    rounds: number(5),
    'put-ms': number(40),
    'get-ms': number(20),
  },
})
const mib = Number(values.mib)
const rounds = Number(values.rounds)
const file = (name) => fileURLToPath(new URL(name, import.meta.url))

const port = await freePort()
const server = spawn(process.execPath, [file('stores-server.mjs'), String(port)], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
try {
  await once(server.stdout, 'data')
  await main()
} finally {
  server.kill()
}

async function main() {
  await child('fill', mib)
  await child('tables', values.tables)
  const bytesPerMs = Number(values.mbps) * 1000
  await fetch(`http://127.0.0.1:${port}/?slow=${values['put-ms']},${values['get-ms']},${bytesPerMs}`, {
    method: 'POST',
  })
  console.log(`PUT ${values['put-ms']} ms, GET ${values['get-ms']} ms, ${values.mbps} MB/s per connection`)

  const puts = await child('durable', 30)
  console.log(`durable put, idle: median ${show(median(puts))}, slowest ${show(Math.max(...puts))}`)

  const wanted = Math.floor(Number(values.tables) / 2)
  const opened = await repeat(() => child('opening', wanted))
  console.log(
    `open, ${values.tables} tables, new process: ${show(of(opened, 'ms'))} (CPU ${show(of(opened, 'cpuMs'))}), ` +
      `first get ${show(of(opened, 'firstGetMs'))}, another ${show(of(opened, 'secondGetMs'))}; ` +
      `in a process that has opened one before: ${show(of(opened, 'warmMs'))}`,
  )
  const read = await repeat(() => child('reading', wanted))
  console.log(
    `reader, ${values.tables} tables, new process: ${show(of(read, 'ms'))} (CPU ${show(of(read, 'cpuMs'))}), ` +
      `first get ${show(of(read, 'firstGetMs'))}`,
  )
  if ([...opened, ...read].some(({ wrong }) => wrong)) throw new Error('a get found nothing')

  const pairs = await repeat(async () => ({ raw: await child('raw', 2 << 20), scan: await child('scan', 0) }))
  const rate = ({ raw, scan }) => (raw.ms / scan.ms) * (scan.rows === mib * 1024 ? 1 : Number.NaN)
  const speed = (which) => Math.round(median(pairs.map((pair) => (mib * 1.048576e3) / pair[which].ms)))
  console.log(
    `cold scan of ${mib} MiB: ${speed('scan')} MB/s (CPU ${show(median(pairs.map(({ scan }) => scan.cpuMs)))}), ` +
      `eight range GETs at once ${speed('raw')} MB/s (CPU ${show(median(pairs.map(({ raw }) => raw.cpuMs)))}), ` +
      `ratio ${median(pairs.map(rate)).toFixed(2)}`,
  )
}

async function child(what, argument) {
  const args = [...process.execArgv, file('stores-child.mjs'), what, String(port), String(argument)]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return JSON.parse(stdout)
}

async function repeat(work) {
  const results = []
  for (let round = 0; round < rounds; round++) results.push(await work())
  return results
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]
}

function of(results, key) {
  return median(results.map((result) => result[key]))
}

function show(ms) {
  return `${ms.toFixed(1)} ms`
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  await once(probe, 'close')
  return port
}
