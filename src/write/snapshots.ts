// Which old versions open snapshots and transactions still need: each reads at a sequence number, and judges expiry at the
// instant it began (SN-1, SN-2, D4). The oldest sequence number bounds what a flush may drop and is published for
// compactors; the earliest instant bounds what a flush may expire.

import { compareU64 } from '../bytes/u64.ts'
import type { CollectedWatch } from '../env/collected.ts'
import type { Env } from '../env/env.ts'
import { elapsedMs, type Instant, instantNow } from '../env/instant.ts'
import type { SeqBound } from '../read/reads.ts'

export interface Pin extends SeqBound {
  /** Data time (TM-6) at which its snapshot began: what expires later stays visible to it. */
  readonly expiresAtMs: number
  readonly began: Instant
}

/** The bound of reads through a handle. A read that is under way keeps its handle with it, and so the pin. */
export interface HeldBound extends SeqBound {
  readonly owner: object
}

export function heldBy({ seqHi, seqLo }: Pin, owner: object): HeldBound {
  return { seqHi, seqLo, owner }
}

export class Snapshots {
  readonly #env: Env
  readonly #pins = new Set<Pin>()
  readonly #collected: CollectedWatch<Pin> | undefined

  /** `onForgotten`: the handle of a pin was garbage-collected without being closed; the pin is released already. */
  constructor(env: Env, onForgotten: (pin: Pin) => void = () => {}) {
    this.#env = env
    const pins = this.#pins
    this.#collected = env.watchCollected?.<Pin>((pin) => {
      if (!pins.delete(pin)) return
      env.logger.debug(
        'a snapshot or transaction was garbage-collected without being closed; what it pinned is released',
      )
      onForgotten(pin)
    })
  }

  get size(): number {
    return this.#pins.size
  }

  /** `owner` is the handle that releases the pin; when the garbage collector finds it unused, the pin is released too. */
  register(seqHi: number, seqLo: number, expiresAtMs: number, owner: object): Pin {
    const pin = { seqHi, seqLo, expiresAtMs, began: instantNow(this.#env.clock) }
    this.#pins.add(pin)
    this.#collected?.watch(owner, pin)
    return pin
  }

  release(pin: Pin): void {
    if (this.#pins.delete(pin)) this.#collected?.unwatch(pin)
  }

  oldest(): Pin | undefined {
    let oldest: Pin | undefined
    for (const pin of this.#pins) {
      if (oldest === undefined || compareU64(pin.seqHi, pin.seqLo, oldest.seqHi, oldest.seqLo) < 0) oldest = pin
    }
    return oldest
  }

  /** The greatest instant that no open snapshot began before: nothing that expires later may be dropped. */
  expiryBound(): number {
    let bound = Number.POSITIVE_INFINITY
    for (const { expiresAtMs } of this.#pins) bound = Math.min(bound, expiresAtMs)
    return bound
  }

  /** For how long the oldest pin has been held; `undefined` without pins. */
  oldestAgeMs(): number | undefined {
    const oldest = this.oldest()
    return oldest && elapsedMs(this.#env.clock, oldest.began)
  }
}
