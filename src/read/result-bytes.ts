// Bytes that reads give to callers, who own them: they may write into them, keep them, and hand them on to an API that
// takes the memory below them away (a message with a transfer list, a byte stream).
//
// Up to 64 bytes a value gets memory of its own, which engines keep in their own heap: 35 ns. Above that an allocation
// costs 300 to 900 ns, so values up to 1 KiB share slabs (80 to 130 ns) where the runtime can be told that a slab's memory
// is not to be taken: it then copies or refuses. Elsewhere each value has memory of its own. Rows that nobody has asked
// for yet are never in a slab, and keys never are.

import { copyOf } from '../bytes/copy.ts'
import { copyBytes } from '../bytes/writer.ts'

const SMALL = 64
const LARGEST_SHARED = 1024
const SLAB_BYTES = 16 * 1024
/** Bytes of values with memory of their own after which it is worth to load what can guard a slab. */
const GUARD_PAYS_AFTER = 64 * 1024

type Guard = (buffer: ArrayBufferLike) => boolean

/** What the runtime offers, the same for all databases. */
let guard: Guard | undefined
let asked = false

export class ResultBytes {
  #slab = new Uint8Array(0)
  #used = 0
  #copied = 0

  /** A copy of source[start, end) that belongs to the caller. */
  copy(source: Uint8Array, start: number, end: number): Uint8Array {
    const n = end - start
    if (n <= SMALL || n > LARGEST_SHARED) return copyOf(source, start, end)
    // The length is 0 when a slab was taken away after all.
    if (this.#used + n > this.#slab.length && !this.#renew()) {
      this.#copied += n
      return copyOf(source, start, end)
    }
    const at = this.#used
    copyBytes(source, start, end, this.#slab, at)
    this.#used = at + n
    return this.#slab.subarray(at, at + n)
  }

  #renew(): boolean {
    if (guard === undefined) {
      if (this.#copied > GUARD_PAYS_AFTER) askForGuard()
      return false
    }
    const slab = new Uint8Array(SLAB_BYTES)
    if (!guard(slab.buffer)) {
      guard = undefined
      return false
    }
    this.#slab = slab
    this.#used = 0
    return true
  }
}

function askForGuard(): void {
  if (asked) return
  asked = true
  import('#native').then(
    ({ native }) => {
      guard = native.keepWhole
    },
    () => {
      // Without it values keep having memory of their own.
    },
  )
}
