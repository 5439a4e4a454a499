// Sources whose key ranges follow each other, one after the other: segments of a tree, parts of a run. Each is opened
// when the scan reaches it and let go when it is through.

import { type Cursor, END, ROW, type Step, WAIT } from './cursor.ts'
import { pointAt, Row } from './row.ts'
import { reaches } from './rows.ts'

export interface ChainPart {
  open(): Cursor
  /** True when every row lies before `key` in scan order, so that a seek need not open it. */
  skips?(key: Uint8Array): boolean
}

/** Parts in scan order. */
export class ChainCursor implements Cursor {
  readonly row = new Row()
  readonly #parts: readonly ChainPart[]
  readonly #descending: boolean
  #index = 0
  #current: Cursor | undefined
  #onRow = false
  // A seek that has moved on to another part and waits there goes on with what it had begun in that part.
  #waitsInSeek = false

  constructor(parts: readonly ChainPart[], descending: boolean) {
    this.#parts = parts
    this.#descending = descending
  }

  next(): Step {
    while (this.#index < this.#parts.length) {
      this.#current ??= this.#parts[this.#index]!.open()
      const step = this.#current.next()
      if (step !== END) return this.#take(step)
      this.#leave()
    }
    return this.#take(END)
  }

  seek(key: Uint8Array): Step {
    if (this.#onRow && !this.#waitsInSeek && reaches(this.row, key, this.#descending)) return ROW
    while (this.#index < this.#parts.length) {
      const part = this.#parts[this.#index]!
      if (this.#waitsInSeek || part.skips?.(key) !== true) {
        this.#current ??= part.open()
        const step = this.#current.seek(key)
        this.#waitsInSeek = step === WAIT
        if (step !== END) return this.#take(step)
      }
      this.#leave()
    }
    return this.#take(END)
  }

  ready(): Promise<void> {
    return this.#current === undefined ? Promise.resolve() : this.#current.ready()
  }

  #leave(): void {
    this.#current = undefined
    this.#index++
  }

  #take(step: Step): Step {
    if (step === ROW) pointAt(this.row, this.#current!.row)
    if (step !== WAIT) this.#onRow = step === ROW
    return step
  }
}
