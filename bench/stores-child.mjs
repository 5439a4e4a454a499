// One measurement on an object store over HTTP, in a process of its own: `stores-child.mjs <what> <port> <argument>`
// prints its result as JSON. What is imported, the platform's HTTP client included, is imported before the clock starts.

import { SlateDB } from '../dist/index.js'
import { S3Store } from '../dist/stores/s3.js'

const [what, port, argument] = process.argv.slice(2)
const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench' }
const store = new S3Store({ bucket: 'bench', endpoint: `http://127.0.0.1:${port}`, credentials })
const PATIENT = { compactorOptions: null, garbageCollectorOptions: null, l0MaxSsts: 10_000, l0MaxSstsPerKey: 10_000 }
const RANGE = 2 << 20

const timed = async (work) => {
  const cpu = process.cpuUsage()
  const start = performance.now()
  const value = await work()
  const ms = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  return { value, ms, cpuMs: (user + system) / 1000 }
}

const open = (path, settings = {}) => SlateDB.open({ store, path }, { settings: { ...PATIENT, ...settings } })
const pad = (number) => String(number).padStart(10, '0')

/** `argument` MiB in tables of 64 MiB, keys in order, values of 1,000 bytes. */
async function fill() {
  const db = await open('large', { maxUnflushedBytes: 1 << 30 })
  const rows = Math.round((Number(argument) * 1024 * 1024) / 1024)
  const value = Buffer.alloc(1000, 'v')
  for (let row = 0; row < rows; ) {
    const batch = db.batch()
    for (let i = 0; i < 1000 && row < rows; i++, row++) batch.put(pad(row), value)
    await batch.write({ durability: 'memory' })
  }
  await db.close()
  return rows
}

/** `argument` tables; old manifests and log objects go, as a garbage collector would take them. */
async function tables() {
  const db = await open('tables')
  for (let table = 0; table < Number(argument); table++) {
    await db.put(pad(table), 'value', { durability: 'memory' })
    await db.flush('memtable')
  }
  await db.close()
  for (const folder of ['tables/manifest/', 'tables/wal/']) {
    const old = (await store.list(folder)).slice(0, -2)
    for (const { path } of old) await store.delete(path)
  }
}

/** Durable puts, `argument` of them, each after a pause. */
async function durable() {
  const db = await open('puts')
  const ms = []
  for (let i = 0; i <= Number(argument); i++) {
    await new Promise((resolve) => setTimeout(resolve, 120 + ((i * 37) % 60)))
    const put = await timed(() => db.put(pad(i), 'value'))
    if (i > 0) ms.push(put.ms)
  }
  await db.close()
  return ms
}

async function opening() {
  const { value: db, ms, cpuMs } = await timed(() => open('tables'))
  const first = await timed(() => db.get(pad(argument)))
  const again = await timed(() => db.get(pad(Number(argument) + 1)))
  const wrong = first.value === undefined || again.value === undefined
  await db.close()
  // Nothing is cached from the first time but the code.
  const warm = []
  for (let i = 0; i < 5; i++) {
    const next = await timed(() => open('tables'))
    warm.push(next.ms)
    await next.value.close()
  }
  const warmMs = warm.sort((a, b) => a - b)[2]
  return { ms, cpuMs, firstGetMs: first.ms, secondGetMs: again.ms, warmMs, wrong }
}

async function reading() {
  const opened = await timed(() => SlateDB.openReader({ store, path: 'tables' }))
  const first = await timed(() => opened.value.get(pad(argument)))
  await opened.value.close()
  return { ms: opened.ms, cpuMs: opened.cpuMs, firstGetMs: first.ms, wrong: first.value === undefined }
}

async function scan() {
  const reader = await SlateDB.openReader({ store, path: 'large' })
  const scanned = await timed(async () => {
    let rows = 0
    for await (const _row of reader.scan()) rows++
    return rows
  })
  await reader.close()
  return { rows: scanned.value, ms: scanned.ms, cpuMs: scanned.cpuMs }
}

/** The same objects by eight range GETs at once, of `argument` bytes; nothing is done with the bytes. */
async function raw() {
  const size = Number(argument) || RANGE
  const ranges = []
  for (const object of await store.list('large/compacted/')) {
    for (let start = 0; start < object.size; start += size) {
      ranges.push({ path: object.path, start, end: Math.min(object.size, start + size) })
    }
  }
  let bytes = 0
  const { ms, cpuMs } = await timed(() =>
    Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let next = ranges.shift(); next !== undefined; next = ranges.shift()) {
          const { length } = (await store.get(next.path, { range: next })).bytes
          bytes += length
        }
      }),
    ),
  )
  return { bytes, ms, cpuMs }
}

// The platform loads its HTTP client with the first request.
await store.list('nothing/')
const result = await { fill, tables, durable, opening, reading, scan, raw }[what]()
process.stdout.write(`${JSON.stringify(result ?? null)}\n`)
process.exit(0)
