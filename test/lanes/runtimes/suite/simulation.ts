// One seed is one run: the same trace in every JavaScript engine. Lives with faults, kills and takeovers are hashed, store
// call by store call, and the lane compares the hashes of all runtimes.

import { isSlateDBError, mergeOperators, SlateDB } from '../../../../src/index.ts'
import { type Sim, type SimProcess, type SimRun, simulate, Trace } from '../../../../src/sim/index.ts'
import { check, same } from './expect.ts'
import type { Checks, World } from './world.ts'

interface Life {
  readonly seed: number | string
  readonly codec: 'snappy' | 'lz4' | null
  readonly faults: number
}

/** Without zlib and zstd: implementations differ in what they write, and sizes show in a trace. */
const LIVES: readonly Life[] = [
  { seed: 1, codec: null, faults: 0 },
  { seed: 2, codec: 'snappy', faults: 0.03 },
  { seed: 3, codec: 'lz4', faults: 0.06 },
  { seed: 'four', codec: null, faults: 0.1 },
]

const traceName = (seed: number | string): string => `trace of seed ${seed}`

/** The notes that must be the same everywhere. */
export const TRACES: readonly string[] = LIVES.map(({ seed }) => traceName(seed))

const TURNS = ['killed', 'left open', 'killed', 'left open', 'closed'] as const
const CLIENTS = 3
/** Nothing compacts here. */
const ROOM = { l0MaxSsts: 1000, l0MaxSstsPerKey: 1000 }

interface Outcome {
  readonly rows: number
  readonly digest: string
  readonly acknowledged: number
  readonly fenced: number
}

export function simulationChecks(world: World): Checks {
  return new Map(
    LIVES.map((life) => [
      `simulate: seed ${life.seed} loses nothing, and gives the same trace twice`,
      () => twice(world, life),
    ]),
  )
}

async function twice({ note }: World, life: Life): Promise<void> {
  const first = await run(life)
  const second = await run(life)
  same([second.hash, second.events, second.value], [first.hash, first.events, first.value], 'the second run')
  const { rows, acknowledged, fenced } = first.value
  check(rows > 50 && acknowledged > 50 && fenced > 0, `a life worth the name, not ${JSON.stringify(first.value)}`)
  if (life.faults > 0) check(Object.keys(first.faults).length > 2, 'faults of several kinds')
  note(traceName(life.seed), `${first.hash}, ${first.events} events, ${first.elapsedMs} ms, rows ${first.value.digest}`)
}

async function run(life: Life): Promise<SimRun<Outcome>> {
  // Codecs come by dynamic import, which is not virtual time: it must be over before a run begins.
  const warm = await SlateDB.open('memory:', { settings: { compressionCodec: life.codec } })
  await warm.close()
  return simulate(life.seed, (sim) => live(sim, life))
}

type DB = SlateDB<string, string>

/** Keys whose value is certain; a key in doubt is not in it. */
type Certain = Map<string, string | undefined>

/** Writers that come one after the other and die, are overtaken, or close; the last look is that of a reader. */
async function live(sim: Sim, life: Life): Promise<Outcome> {
  const certain: Certain = new Map()
  let fenced = 0
  let overtaken: DB | undefined
  for (const [turn, end] of TURNS.entries()) {
    const process = sim.process(`writer ${turn}`)
    const db = await open(process, life)
    if (overtaken !== undefined) fenced += await isFenced(overtaken)
    for (const [key, value] of certain) same(await db.get(key), value, `${key} after open ${turn}`)
    if (end === 'killed')
      process.at(sim.clock.monotonic() + 300 + sim.random.float() * 2000, () => process.kill(), 'kill')
    const clients = Array.from({ length: CLIENTS }, (_, i) => client(sim, db, `${turn}.${i}`, certain))
    await Promise.race([Promise.all(clients), process.dead])
    if (end === 'killed') process.kill()
    overtaken = end === 'left open' ? db : undefined
    if (end === 'closed') await db.close()
  }
  const reader = await SlateDB.openReader(
    { store: sim.store(), path: 'db' },
    { keyEncoding: 'utf8', valueEncoding: 'utf8', mergeOperator: mergeOperators.append, env: sim.env },
  )
  const rows = new Map(await reader.scan().toArray())
  for (const [key, value] of certain) same(rows.get(key), value, `${key} at the end`)
  same(await reader.scan({ reverse: true }).toArray(), [...rows].reverse(), 'a scan in reverse')
  await reader.close()
  const digest = new Trace()
  for (const [key, value] of rows) digest.add(`${key}=${value}`)
  return { rows: rows.size, digest: digest.hash, acknowledged: certain.size, fenced }
}

function open(process: SimProcess, { codec, faults }: Life): Promise<DB> {
  return SlateDB.open(
    { store: process.store({ latencyMs: [1, 80], faults }), path: 'db' },
    {
      keyEncoding: 'utf8',
      valueEncoding: 'utf8',
      mergeOperator: mergeOperators.append,
      env: process.env,
      settings: { compressionCodec: codec, flushInterval: '20ms', l0SstSizeBytes: 16 * 1024, ...ROOM },
    },
  )
}

async function isFenced(db: DB): Promise<number> {
  try {
    await db.put('late', 'of a writer that was overtaken')
  } catch (error) {
    if (isSlateDBError(error) && error.closeReason === 'Fenced') return 1
    throw error
  }
  throw new Error('a writer that was overtaken acknowledged a write')
}

async function client(sim: Sim, db: DB, name: string, certain: Certain): Promise<void> {
  const random = sim.random.fork(name)
  const mine: string[] = []
  for (let i = 0; i < 30; i++) {
    await sim.sleep(random.int(0, 30))
    const key = mine.length > 0 && random.chance(0.3) ? random.pick(mine) : `${name}/${i}`
    const text = `${i} ${'x'.repeat(random.int(0, 1500))}`
    const durability = random.chance(0.5) ? 'remote' : 'memory'
    const before = certain.get(key)
    // Until it is durable, the old value and the new one are both possible.
    certain.delete(key)
    const wasSure = !mine.includes(key) || before !== undefined
    let now: string | undefined
    if (random.chance(0.15)) await db.delete(key, { durability })
    else if (wasSure && random.chance(0.2)) {
      now = (before ?? '') + text
      await db.merge(key, text, { durability })
    } else {
      now = text
      await db.put(key, text, { durability })
    }
    if (durability === 'remote') certain.set(key, now)
    if (!mine.includes(key)) mine.push(key)
    if (random.chance(0.05)) await db.flush('memtable')
  }
}
