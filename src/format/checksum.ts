// CRC-32 for seals and footers: ours at first, the runtime's own (three times as fast) once there is enough to sum. Both
// give the same answer, so it does not matter which one a call meets, nor whether the native one ever arrives; but
// loading it is a sixth of what opening an empty database takes on Node, and a small database never earns that back.

import { crc32 } from '../bytes/crc32.ts'

/** Bytes after which the native one pays: 100 us of ours. */
const NATIVE_PAYS_AFTER = 128 * 1024

let fastest: (bytes: Uint8Array) => number = (bytes) => crc32(bytes)
/** Infinite once the native one was asked for. */
let summed = 0

/** The checksum, unsigned. */
export function checksum(bytes: Uint8Array): number {
  summed += bytes.length
  if (summed > NATIVE_PAYS_AFTER && summed < Number.POSITIVE_INFINITY) preferNative()
  return fastest(bytes)
}

function preferNative(): void {
  summed = Number.POSITIVE_INFINITY
  import('#native').then(
    ({ native }) => {
      if (native.crc32 !== undefined) fastest = native.crc32
    },
    () => {
      // A runtime that cannot load it has lost nothing but speed.
    },
  )
}
