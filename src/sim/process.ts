// One process of a simulated world: its own clock, randomness, metrics and store handles. It can be killed, so that its
// timers never run and its store calls never settle; frozen, so that all of that waits, as for a container that was paused;
// suspended, so that its monotonic clock stands still as well, as on a laptop that sleeps or a virtual machine that is
// restored from a snapshot; and its wall clock can be wrong.

import type { Clock, Env } from '../env/env.ts'
import type { LogFields, Logger } from '../env/logger.ts'
import type { SimClock } from './clock.ts'
import { simEnv } from './env.ts'
import { SimStore, type SimStoreOptions } from './store.ts'
import type { SimWorld } from './world.ts'

export class SimProcess {
  readonly name: string
  readonly env: Env
  /** Resolves when the process is killed, by `kill` or by a crash point of a store handle. */
  readonly dead: Promise<void>
  readonly #world: SimWorld
  readonly #clock: ProcessClock
  #died!: () => void

  constructor(world: SimWorld, name: string, options: { skewMs?: number } = {}) {
    this.name = name
    this.#world = world
    this.#clock = new ProcessClock(world.clock, name)
    this.#clock.skewMs = options.skewMs ?? 0
    this.env = simEnv(`${world.random.u32()}/${name}`, this.#clock, traceLogger(world, name))
    this.dead = new Promise((resolve) => {
      this.#died = resolve
    })
  }

  get isDead(): boolean {
    return this.#clock.killed
  }

  get isFrozen(): boolean {
    return this.#clock.frozen
  }

  /** A handle on a bucket of the world; each handle has latencies, faults and crash points of its own. */
  store(options: SimStoreOptions = {}): SimStore {
    return new SimStore(this.#world, this, options)
  }

  /** Runs `callback` at an instant of the world's time, when the process lives then. */
  at(dueMs: number, callback: () => void, label: string): void {
    this.#clock.at(dueMs, callback, { label })
  }

  /** Ends the process between two steps of its code, as kill -9 does. Requests on their way may still arrive. */
  kill(): void {
    if (this.isDead) return
    this.#world.note(`${this.name} killed`)
    this.#clock.kill()
    this.#died()
  }

  freeze(): void {
    this.#world.note(`${this.name} frozen`)
    this.#clock.freeze()
  }

  /** Goes on where it stopped: what became due meanwhile happens now. */
  thaw(): void {
    this.#world.note(`${this.name} thawed`)
    this.#clock.thaw()
  }

  /** As `freeze`, but the monotonic clock stands still too, and with it every timer; the wall clock goes on. */
  suspend(): void {
    this.#world.note(`${this.name} suspended`)
    this.#clock.suspend()
  }

  /** Ends a suspension: answers that came meanwhile arrive now, timers wait for the rest of their time. */
  resume(): void {
    this.#world.note(`${this.name} resumed`)
    this.#clock.thaw()
  }

  /** From now on the wall clock of this process is `ms` ahead of the world's, or behind. */
  skew(ms: number): void {
    this.#clock.skewMs = ms
  }
}

/** Sums of fractions of milliseconds are not exact; real timers are less so. */
const TIMER_PRECISION_MS = 1e-3

class ProcessClock implements Clock {
  readonly #world: SimClock
  readonly #name: string
  readonly #timers = new Set<() => void>()
  #held: (() => void)[] = []
  /** How long the monotonic clock has stood still so far, and since when it does now. */
  #stoodStillMs = 0
  #suspendedAtMs: number | undefined
  skewMs = 0
  killed = false
  frozen = false

  constructor(world: SimClock, name: string) {
    this.#world = world
    this.#name = name
  }

  now(): number {
    return this.#world.now() + this.skewMs
  }

  monotonic(): number {
    return (this.#suspendedAtMs ?? this.#world.monotonic()) - this.#stoodStillMs
  }

  schedule(delayMs: number, callback: () => void, options: { idle?: boolean; label?: string } = {}): () => void {
    const waitMs = Math.max(0, delayMs || 0)
    const dueMs = this.monotonic() + waitMs
    let cancel = () => {}
    const arm = (restMs: number) => {
      cancel = this.at(
        this.#world.monotonic() + restMs,
        () => {
          // The clock stood still for a while: the timer has some time left.
          const leftMs = dueMs - this.monotonic()
          if (leftMs > TIMER_PRECISION_MS) arm(leftMs)
          else callback()
        },
        options,
      )
    }
    arm(waitMs)
    return () => cancel()
  }

  at(dueMs: number, callback: () => void, options: { idle?: boolean; label?: string }): () => void {
    if (this.killed) return () => {}
    let wanted = true
    const run = () => {
      if (!wanted || this.killed) return
      if (this.frozen) this.#held.push(run)
      else {
        wanted = false
        callback()
      }
    }
    const label = `${this.#name}: ${options.label ?? 'timer'}`
    const cancelTimer = this.#world.at(
      dueMs,
      () => {
        this.#timers.delete(cancelTimer)
        run()
      },
      { ...options, label },
    )
    this.#timers.add(cancelTimer)
    return () => {
      wanted = false
      this.#timers.delete(cancelTimer)
      cancelTimer()
    }
  }

  yield(): Promise<void> {
    return new Promise((resolve) => this.schedule(0, resolve, { label: 'yield' }))
  }

  kill(): void {
    this.killed = true
    for (const cancel of this.#timers) cancel()
    this.#timers.clear()
    this.#held = []
  }

  freeze(): void {
    this.frozen = true
  }

  suspend(): void {
    this.frozen = true
    this.#suspendedAtMs ??= this.#world.monotonic()
  }

  thaw(): void {
    if (!this.frozen) return
    this.frozen = false
    if (this.#suspendedAtMs !== undefined) {
      this.#stoodStillMs += this.#world.monotonic() - this.#suspendedAtMs
      this.#suspendedAtMs = undefined
    }
    const held = this.#held
    this.#held = []
    // One event each, as they would have come.
    for (const run of held) this.schedule(0, run, { label: 'thawed' })
  }
}

function traceLogger(world: SimWorld, name: string): Logger {
  const line = (level: keyof Logger) => (message: string, fields?: LogFields) =>
    world.note(`${name} ${level}: ${message}${fields === undefined ? '' : ` ${showFields(fields)}`}`)
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
}

function showFields(fields: LogFields): string {
  try {
    return JSON.stringify(fields, (_, value) => (typeof value === 'bigint' ? `${value}` : value))
  } catch {
    return '(fields that cannot be shown)'
  }
}
