// The reading part of the demo: point reads, misses, a range, a prefix, all of it, each with its time.

import type { Reader } from '../api/reader.ts'
import { Random } from '../env/random.ts'
import { dataError } from '../errors.ts'
import type { Cities } from './demo-cities.ts'
import { count, duration, rate, table } from './human.ts'
import type { Shell } from './shell.ts'

const POINT_READS = 20_000

export async function readTour(shell: Shell, reader: Reader, cities: Cities): Promise<void> {
  const random = new Random('demo')
  const picks = Array.from({ length: POINT_READS }, () => cities.row(random.int(0, cities.count - 1)))
  const lines: string[][] = []
  const measure = async (what: string, unit: string, body: () => Promise<number>) => {
    const start = shell.clock.monotonic()
    const rows = await body()
    const ms = shell.clock.monotonic() - start
    lines.push([what, `${count(rows)} ${unit}`, duration(ms), rate(rows, ms)])
  }
  await measure('point reads, cold', 'rows', async () => {
    for (const row of picks) await expectValue(reader, row.key, row.value)
    return picks.length
  })
  await measure('point reads, cached', 'rows', async () => {
    for (const row of picks) await expectValue(reader, row.key, row.value)
    return picks.length
  })
  await measure('point reads of keys that are not there', 'keys', async () => {
    for (const row of picks) await expectNothing(reader, Uint8Array.of(...row.key, 0x21))
    return picks.length
  })
  await measure('range DE/M .. DE/N', 'rows', () => drain(reader.scan({ gte: 'DE/M', lt: 'DE/N' })))
  await measure('prefix FR/Saint-', 'rows', () => drain(reader.scan({ prefix: 'FR/Saint-' })))
  await measure('prefix JP/, backwards', 'rows', () => drain(reader.scan({ prefix: 'JP/', reverse: true })))
  await measure('everything', 'rows', async () => {
    const rows = await drain(reader.scan({}))
    if (rows !== cities.count) throw dataError('DEMO_LOST', `a full scan finds ${rows} of ${cities.count} rows`)
    return rows
  })
  await shell.print(table(lines, '   '))
}

async function drain(scan: ReturnType<Reader['scan']>): Promise<number> {
  let rows = 0
  for await (const _row of scan) rows++
  return rows
}

async function expectValue(reader: Reader, key: Uint8Array, value: Uint8Array): Promise<void> {
  const found = await reader.get(key)
  if (found === undefined || Buffer.compare(found as Uint8Array, value) !== 0) {
    throw dataError('DEMO_LOST', `key ${Buffer.from(key).toString()} does not read back`)
  }
}

async function expectNothing(reader: Reader, key: Uint8Array): Promise<void> {
  if ((await reader.get(key)) !== undefined) {
    throw dataError('DEMO_LOST', `key ${Buffer.from(key).toString()} was never written and is there`)
  }
}
