// Env for tests: virtual time, seeded randomness.

import type { Clock, Env } from '../env/env.ts'
import { type Logger, silentLogger } from '../env/logger.ts'
import { Metrics } from '../env/metrics.ts'
import { Random } from '../env/random.ts'
import { Turns } from '../env/turns.ts'

/** An Env in which a seed decides everything. */
export function simEnv(seed: number | string, clock: Clock, logger: Logger = silentLogger): Env {
  return { clock, random: new Random(seed), logger, metrics: new Metrics(), turns: new Turns(clock) }
}
