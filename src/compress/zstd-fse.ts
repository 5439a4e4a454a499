// FSE codes on their way out; zstd-tables.ts has the tables of the way in.

import type { BitWriter } from './zstd-bits.ts'
import type { FseTable } from './zstd-tables.ts'

/** An FSE code backwards: for a symbol and the state that a decoder reaches after it, the state that it comes from. */
export class FseSteps {
  readonly #table: FseTable
  readonly #from: Uint8Array

  constructor(table: FseTable, symbolCount: number) {
    const size = 1 << table.log
    this.#table = table
    this.#from = new Uint8Array(symbolCount * size)
    for (let state = 0; state < size; state++) {
      const start = table.symbols[state]! * size + table.bases[state]!
      this.#from.fill(state, start, start + (1 << table.bits[state]!))
    }
  }

  /** Writes what leads from the state before to `next`, and answers it; `next` is -1 for the last symbol. */
  step(writer: BitWriter, next: number, symbol: number): number {
    const { log, bits, bases } = this.#table
    const state = this.#from[(symbol << log) + Math.max(0, next)]!
    if (next >= 0) writer.write(next - bases[state]!, bits[state]!)
    return state
  }
}
