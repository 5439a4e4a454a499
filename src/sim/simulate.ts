// Runs a scenario in virtual time, all of it decided by one seed: the same seed gives the same trace, to the last line.
// A run that fails, gets stuck, or leaves a rejected promise behind fails with the seed in the message.

import type { Env } from '../env/env.ts'
import { sleep } from '../env/env.ts'
import type { Random } from '../env/random.ts'
import { internal } from '../errors.ts'
import type { MemoryStore } from '../objects/memory-store.ts'
import { SimClock } from './clock.ts'
import type { FaultKind } from './faults.ts'
import type { SimProcess } from './process.ts'
import { watchRejections } from './rejections.ts'
import type { SimStore, SimStoreOptions } from './store.ts'
import { Trace } from './trace.ts'
import { type SimRequest, SimWorld } from './world.ts'

export interface SimulateOptions {
  /** A run that takes more virtual time is stuck: a day when left out. */
  readonly maxMs?: number
  /** A run that takes more events is stuck: two million when left out. */
  readonly maxEvents?: number
  /** Lines of the trace to keep. */
  readonly keepLines?: number
  /** Wall clock at the start, milliseconds since 1970. */
  readonly startMs?: number
  /** One turn of the real event loop; see `SimClock`. */
  readonly turn?: () => Promise<void>
}

/** What a run was like. */
export interface SimRun<T> {
  readonly seed: number | string
  readonly value: T
  /** Equal for equal runs. */
  readonly hash: string
  /** Virtual time it took. */
  readonly elapsedMs: number
  readonly events: number
  readonly requests: readonly SimRequest[]
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>
  /** The last lines of the trace. */
  readonly lines: readonly string[]
}

/** What a scenario gets: the world, and a first process in it. */
export class Sim {
  readonly seed: number | string
  readonly world: SimWorld
  /** The scenario's own stream of randomness. */
  readonly random: Random
  /** The process that `env` and `store` belong to. */
  readonly main: SimProcess
  readonly #tracked = new Set<string>()

  constructor(seed: number | string, world: SimWorld) {
    this.seed = seed
    this.world = world
    this.random = world.random.fork('scenario')
    this.main = world.process('main')
  }

  get clock(): SimClock {
    return this.world.clock
  }

  get env(): Env {
    return this.main.env
  }

  /** A store handle of the main process. */
  store(options?: SimStoreOptions): SimStore {
    return this.main.store(options)
  }

  /** The objects themselves, without latency or faults. */
  bucket(name?: string): MemoryStore {
    return this.world.bucket(name)
  }

  /** Another process, with clock, randomness and store handles of its own. */
  process(name: string, options?: { skewMs?: number }): SimProcess {
    return this.world.process(name, options)
  }

  /** The scenario waits; every process goes on. */
  sleep(ms: number): Promise<void> {
    return sleep(this.world.clock, ms, { label: 'scenario sleeps' })
  }

  /** Names a piece of work in the report of a stuck run while it is not done. */
  async track<T>(name: string, work: Promise<T>): Promise<T> {
    this.#tracked.add(name)
    try {
      return await work
    } finally {
      this.#tracked.delete(name)
    }
  }

  /** What still waits, for the report of a stuck run. */
  waiting(): string {
    const { clock, requests } = this.world
    const open = requests.filter((request) => request.endMs === undefined)
    const dead = new Set(this.world.processes.filter((process) => process.isDead).map((process) => process.name))
    const frozen = this.world.processes.filter((process) => process.isFrozen).map((process) => process.name)
    const show = ({ process, call, op, path }: SimRequest) => `${process} #${call} ${op} ${path}`
    return [
      section('tracked work', [...this.#tracked]),
      section(
        'timers',
        clock.pending().map((timer) => `${timer.label}${timer.idle ? ' (idle)' : ''} due at ${timer.dueMs}`),
      ),
      section('requests in flight', open.filter((request) => !dead.has(request.process)).map(show)),
      section('requests of dead processes', open.filter((request) => dead.has(request.process)).map(show)),
      section('frozen processes', frozen),
    ]
      .filter((text) => text !== '')
      .join('\n')
  }
}

const NOTHING_LEFT =
  'nothing is left to happen, and the scenario has not ended (real timers, files and sockets do not count)'

/** Runs `scenario` to its end. */
export async function simulate<T>(
  seed: number | string,
  scenario: (sim: Sim) => Promise<T>,
  options: SimulateOptions = {},
): Promise<SimRun<T>> {
  const { maxMs = 24 * 3600 * 1000, maxEvents = 2_000_000 } = options
  const clock = new SimClock({
    ...(options.startMs !== undefined && { startMs: options.startMs }),
    ...(options.turn !== undefined && { turn: options.turn }),
  })
  const trace = new Trace(options.keepLines === undefined ? {} : { keep: options.keepLines })
  const world = new SimWorld(seed, clock, trace)
  const sim = new Sim(seed, world)
  const rejections = watchRejections()
  let events = 0
  const failed = (what: string, cause: unknown) => {
    const lines = trace.tail(30)
    return internal(
      'SIMULATION_FAILED',
      `simulation with seed ${JSON.stringify(seed)} ${what} (virtual time ${clock.monotonic()} ms, ${events} events)\n` +
        section(`last ${lines.length} of ${trace.count} trace lines`, lines),
      { cause },
    )
  }
  const stuck = (why: string) => failed(`is stuck: ${why}\n${sim.waiting()}`, undefined)

  try {
    let end: { value: T } | { error: unknown } | undefined
    // A scenario that throws before its first await fails the same way.
    const run = (async () => scenario(sim))()
    run.then(
      (value) => {
        end = { value }
      },
      (error) => {
        end = { error }
      },
    )
    for (;;) {
      await clock.settle()
      for (const error of rejections.found.values()) throw failed(`left a promise rejected: ${messageOf(error)}`, error)
      if (end !== undefined) break
      if (clock.nextDueMs() === undefined) throw stuck(NOTHING_LEFT)
      if (clock.nextDueMs()! > maxMs) throw stuck(`the scenario has not ended after ${maxMs} ms`)
      if (++events > maxEvents) throw stuck(`the scenario has not ended after ${maxEvents} events`)
      clock.runNext()
    }
    if ('error' in end) throw failed(`failed: ${messageOf(end.error)}`, end.error)
    return {
      seed,
      value: end.value,
      hash: trace.hash,
      elapsedMs: clock.monotonic(),
      events,
      requests: world.requests,
      faults: world.faults,
      lines: trace.tail(),
    }
  } finally {
    // What is left of the run must not go on behind it.
    for (const process of world.processes) process.kill()
    rejections.stop()
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

function section(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return ''
  const shown = lines.slice(-40)
  return `${title} (${lines.length}):\n${shown.map((line) => `  ${line}`).join('\n')}`
}
