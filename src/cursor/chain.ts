// Sources whose key ranges follow each other, one after the other: segments of a tree, parts of a run. Each is opened
// when the scan reaches it and let go when it is through.

import { END, ROW, type Step, type VersionCursor } from './cursor.ts'
import { pointAt, Row } from './row.ts'
import { isBehind, reaches } from './rows.ts'

export interface ChainPart {
  open(): VersionCursor
  /** True when every row lies before `key` in scan order, so that a seek need not open it. */
  skips?(key: Uint8Array): boolean
}

/** Parts in scan order. */
export class ChainCursor implements VersionCursor {
  readonly row = new Row()
  readonly #parts: readonly ChainPart[]
  readonly #descending: boolean
  #index = 0
  #current: VersionCursor | undefined
  #onRow = false

  constructor(parts: readonly ChainPart[], descending: boolean) {
    this.#parts = parts
    this.#descending = descending
  }

  next(): Step {
    this.#onRow = false
    while (this.#index < this.#parts.length) {
      this.#current ??= this.#parts[this.#index]!.open()
      const step = this.#current.next()
      if (step !== END) return this.#take(step)
      this.#leave()
    }
    return this.#take(END)
  }

  seek(key: Uint8Array): Step {
    if (this.#onRow && reaches(this.row, key, this.#descending)) return ROW
    return this.#move(key, false)
  }

  pass(key: Uint8Array): Step {
    if (this.#onRow && isBehind(this.row, key, this.#descending)) return ROW
    return this.#move(key, true)
  }

  /** The next part may not be open yet, and pruning never waits. */
  prune(): Step {
    return ROW
  }

  ready(): Promise<void> {
    return this.#current === undefined ? Promise.resolve() : this.#current.ready()
  }

  #move(key: Uint8Array, past: boolean): Step {
    this.#onRow = false
    while (this.#index < this.#parts.length) {
      const part = this.#parts[this.#index]!
      // A part that is open is asked itself: should it have failed, it must say so again.
      if (this.#current !== undefined || part.skips?.(key) !== true) {
        this.#current ??= part.open()
        const step = past ? this.#current.pass(key) : this.#current.seek(key)
        if (step !== END) return this.#take(step)
      }
      this.#leave()
    }
    return this.#take(END)
  }

  #leave(): void {
    this.#current = undefined
    this.#index++
  }

  #take(step: Step): Step {
    if (step === ROW) pointAt(this.row, this.#current!.row)
    this.#onRow = step === ROW
    return step
  }
}
