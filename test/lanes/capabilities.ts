// What a store promises when it lacks nothing.

import type { Capabilities } from '../../src/objects/store.ts'

export const ALL: Capabilities = {
  createIfAbsent: true,
  compareAndSet: true,
  metadata: true,
  suffixRange: true,
  listStartAfter: true,
}
