// A credential that expires, kept fresh: asked for once however many requests wait, renewed before it expires, and
// renewed while the old one still serves where time allows.

import type { Clock } from '../env/env.ts'
import { storeError } from '../errors.ts'
import { scrub } from './http-errors.ts'

/** A value with the moment it stops to be valid; without one it is valid for ever. */
export interface Expiring<T> {
  readonly value: T
  readonly expiresAt?: number | undefined
}

/** Renew in the background this long before the end... */
const EARLY_MS = 5 * 60_000
/** ...and make requests wait for the new one this long before. */
const LATE_MS = 30_000

export class Refreshing<T> {
  readonly #clock: Clock
  readonly #source: () => Promise<Expiring<T>>
  #held: Expiring<T> | undefined
  #renewal: Promise<Expiring<T>> | undefined
  #fetchedAt = 0

  constructor(clock: Clock, source: () => Promise<Expiring<T>>) {
    this.#clock = clock
    this.#source = source
  }

  /** The current value without asking, for redaction. */
  peek(): T | undefined {
    return this.#held?.value
  }

  async get(): Promise<T> {
    const held = this.#held
    if (held === undefined) return (await this.#renew()).value
    const left = held.expiresAt === undefined ? Number.POSITIVE_INFINITY : held.expiresAt - this.#clock.now()
    // A short-lived token is renewed at half of its life, or every request of that life would renew it.
    const life = held.expiresAt === undefined ? 0 : held.expiresAt - this.#fetchedAt
    if (left <= Math.min(LATE_MS, life / 4)) return (await this.#renew()).value
    if (left <= Math.min(EARLY_MS, life / 2)) this.#renew().catch(() => {})
    return held.value
  }

  /** The server refused `value`: the next `get` asks anew, unless that happened already. */
  reject(value: T): void {
    if (this.#held?.value === value) this.#held = undefined
  }

  #renew(): Promise<Expiring<T>> {
    this.#renewal ??= this.#ask().finally(() => {
      this.#renewal = undefined
    })
    return this.#renewal
  }

  async #ask(): Promise<Expiring<T>> {
    const fresh = await this.#source()
    this.#held = fresh
    this.#fetchedAt = this.#clock.now()
    return fresh
  }
}

/** What a provider of the user's throws may hold anything, so only its scrubbed message goes on. */
export async function askProvider<T>(what: string, provider: () => T | Promise<T>): Promise<T> {
  try {
    return await provider()
  } catch (error) {
    if (error instanceof Error && error.name === 'SlateDBError') throw error
    const message = error instanceof Error ? scrub(error.message) : 'no reason given'
    throw storeError('Unauthenticated', '', `the provider of ${what} failed: ${message}`)
  }
}

/** Expiry in the spellings providers use: a Date, milliseconds, or text. */
export function expiryMs(value: Date | number | string | undefined): number | undefined {
  if (value === undefined) return undefined
  const ms = value instanceof Date ? value.getTime() : typeof value === 'string' ? Date.parse(value) : value
  return Number.isFinite(ms) ? ms : undefined
}
