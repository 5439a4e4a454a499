// Who still needs old versions: open snapshots and transactions, each with the sequence number it reads at (SN-1, SN-2).
// The oldest of them bounds what a flush may drop, and is published for compactors.

import { compareU64 } from '../bytes/u64.ts'

export interface Pin {
  readonly seqHi: number
  readonly seqLo: number
}

export class Snapshots {
  readonly #pins = new Set<Pin>()

  get size(): number {
    return this.#pins.size
  }

  register(seqHi: number, seqLo: number): Pin {
    const pin = { seqHi, seqLo }
    this.#pins.add(pin)
    return pin
  }

  release(pin: Pin): void {
    this.#pins.delete(pin)
  }

  oldest(): Pin | undefined {
    let oldest: Pin | undefined
    for (const pin of this.#pins) {
      if (oldest === undefined || compareU64(pin.seqHi, pin.seqLo, oldest.seqHi, oldest.seqLo) < 0) oldest = pin
    }
    return oldest
  }
}
