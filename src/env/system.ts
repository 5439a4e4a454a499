// The real world: the only place that touches ambient time, timers and randomness.

import { watchCollected } from './collected.ts'
import type { Clock, Env } from './env.ts'
import { guardedClock } from './guarded-clock.ts'
import { type Logger, safeLogger, silentLogger } from './logger.ts'
import { Metrics, type MetricsRecorder } from './metrics.ts'
import { Random, systemRandom } from './random.ts'
import { Turns } from './turns.ts'

type Timer = ReturnType<typeof setTimeout> & { unref?: () => void }

const { hrtime } = (globalThis as { process?: { hrtime?: () => [number, number] } }).process ?? {}

/** The longest delay that a platform's timer holds, 24.8 days; it takes a longer one for none at all. */
const LONGEST_DELAY_MS = 2 ** 31 - 1
/** What a delay that is no number becomes: neither a loop without rest nor a wait without end. */
const UNKNOWN_DELAY_MS = 1000

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic,
  schedule(delayMs, callback, options) {
    let left = Number.isNaN(delayMs) ? UNKNOWN_DELAY_MS : Math.max(0, delayMs)
    let timer: Timer
    const arm = () => {
      const step = Math.min(left, LONGEST_DELAY_MS)
      left -= step
      timer = setTimeout(() => (left > 0 ? arm() : callback()), step) as Timer
      if (options?.idle) timer.unref?.()
    }
    arm()
    return () => clearTimeout(timer)
  },
  yield: () => new Promise((resolve) => immediate(resolve)),
}

/** Where there is `process.hrtime`, not `performance`: Node loads its observers of network and garbage with that, 1 ms. */
function monotonic(): number {
  if (hrtime === undefined) return performance.now()
  const [seconds, nanoseconds] = hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}

/** The soonest turn there is: a setImmediate costs about 1 us, a message some 10; nested timers wait 4 ms in a page. */
const immediate: (callback: () => void) => void =
  typeof setImmediate === 'function'
    ? (callback) => setImmediate(callback)
    : typeof MessageChannel === 'function'
      ? byMessage
      : (callback) => setTimeout(callback, 0)

/** A channel per turn: one that stays open could keep a process alive. */
function byMessage(callback: () => void): void {
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = () => {
    port1.close()
    callback()
  }
  port2.postMessage(undefined)
}

export interface EnvOptions {
  clock?: Clock | undefined
  seed?: number | string | undefined
  logger?: Logger | undefined
  recorder?: MetricsRecorder | undefined
}

export function createEnv(options: EnvOptions = {}): Env {
  const clock = options.clock === undefined ? systemClock : guardedClock(options.clock, systemClock)
  return {
    clock,
    random: options.seed === undefined ? systemRandom() : new Random(options.seed),
    logger: options.logger === undefined ? silentLogger : safeLogger(options.logger),
    metrics: new Metrics(options.recorder),
    turns: new Turns(clock),
    // Workers may lack it.
    watchCollected: typeof FinalizationRegistry === 'undefined' ? undefined : watchCollected,
  }
}
