// Random transactions that append to lists and read them, by several clients at once, in the simulator; the checker of
// history.ts judges what they saw.

import { EVERYTHING } from '../../src/bytes/range.ts'
import type { Db } from '../../src/db/db.ts'
import { openDb } from '../../src/db/open.ts'
import { parseSettings } from '../../src/db/settings.ts'
import type { Random } from '../../src/env/random.ts'
import { isSlateDBError } from '../../src/errors.ts'
import type { Sim } from '../../src/sim/simulate.ts'
import { append } from '../model/append.ts'
import { toBytes, toText } from '../model/bytes.ts'
import { type Level, type RecordedTransaction, type Step, violations } from './history.ts'

export interface Outcome {
  readonly found: readonly string[]
  readonly committed: number
  readonly aborted: number
}

/** Runs transactions at `level` and holds their history against `judgedAs`. */
export async function listAppend(sim: Sim, level: Level, judgedAs: Level = level): Promise<Outcome> {
  const { random } = sim
  const latencyMs = random.pick([
    [1, 1],
    [1, 20],
  ] as const)
  const db = await openDb({
    store: sim.store({ latencyMs, faults: random.pick([0, 0.02]) }),
    path: 'db',
    env: sim.env,
    mergeOperator: append,
    cache: random.pick([undefined, false as const]),
    settings: parseSettings({
      l0SstSizeBytes: random.pick([500, 1 << 20]),
      maxUnflushedBytes: 1 << 21,
      flushInterval: 20,
      l0MaxSsts: 10_000,
      l0MaxSstsPerKey: 10_000,
      compactorOptions: null,
      garbageCollectorOptions: null,
    }),
  })
  const history: RecordedTransaction[] = []
  const clock = { event: 0, value: 0 }
  const keys = Array.from({ length: random.int(2, 6) }, (_, i) => `list${i}`)
  const clients = Array.from({ length: random.int(2, 5) }, async (_, client) => {
    for (let i = random.int(3, 12); i > 0; i--) {
      const name = `T${client}.${i}`
      history.push(await transaction(sim, db, random.fork(name), { name, level, keys, clock }))
      await sim.sleep(random.int(0, 30))
    }
  })
  await Promise.all(clients)
  const finalLists = new Map(keys.map((key) => [key, [] as number[]]))
  const scan = db.scan(EVERYTHING)
  for (let row = await scan.next(); row; row = await scan.next()) finalLists.set(toText(row.key), parseList(row.value))
  await db.close()
  const committed = history.filter((one) => one.committed).length
  return { found: violations(history, finalLists, judgedAs), committed, aborted: history.length - committed }
}

interface Plan {
  readonly name: string
  readonly level: Level
  readonly keys: readonly string[]
  readonly clock: { event: number; value: number }
}

async function transaction(sim: Sim, db: Db, random: Random, plan: Plan): Promise<RecordedTransaction> {
  const { name, level, keys, clock } = plan
  const steps: Step[] = []
  const began = clock.event++
  const tx = db.begin(level)
  for (let i = random.int(1, 5); i > 0; i--) {
    const key = random.pick(keys)
    if (random.chance(0.45)) {
      const value = ++clock.value
      const previous = steps.filter((step) => step.key === key)
      // As a blind merge, or as a read-modify-write.
      if (random.chance(0.5) && previous.length === 0) {
        const old = await tx.get(toBytes(key))
        steps.push({ kind: 'read', key, list: old === undefined ? [] : parseList(old) })
        tx.put(toBytes(key), toBytes(`${old === undefined ? '' : toText(old)}${value},`))
      } else tx.merge(toBytes(key), toBytes(`${value},`))
      steps.push({ kind: 'append', key, value })
    } else if (random.chance(0.7)) {
      const value = await tx.get(toBytes(key))
      steps.push({ kind: 'read', key, list: value === undefined ? [] : parseList(value) })
    } else await scanLists(tx, keys, steps, random.chance(0.5))
    if (random.chance(0.6)) await sim.sleep(random.int(0, 40))
  }
  let committed = false
  try {
    await tx.commit()
    committed = true
  } catch (error) {
    if (!isSlateDBError(error) || error.kind !== 'Transaction') throw error
  }
  return { name, steps, committed, began, ended: clock.event++ }
}

/** A scan reads every list, also those that are not there. */
async function scanLists(
  tx: ReturnType<Db['begin']>,
  keys: readonly string[],
  steps: Step[],
  descending: boolean,
): Promise<void> {
  const seen = new Map<string, number[]>()
  const scan = tx.scan(EVERYTHING, { descending })
  for (let row = await scan.next(); row; row = await scan.next()) seen.set(toText(row.key), parseList(row.value))
  for (const key of keys) steps.push({ kind: 'read', key, list: seen.get(key) ?? [] })
}

const parseList = (value: Uint8Array): number[] =>
  toText(value)
    .split(',')
    .filter((text) => text !== '')
    .map(Number)
