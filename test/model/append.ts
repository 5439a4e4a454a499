// The merge operator of all model tests: values and operands are strung together. It is associative, order shows, and
// "no existing value" is its identity.

import { concatBytes } from '../../src/bytes/compare.ts'

export const append = (_key: Uint8Array, existing: Uint8Array | undefined, operand: Uint8Array): Uint8Array =>
  existing === undefined ? operand.slice() : concatBytes([existing, operand])
