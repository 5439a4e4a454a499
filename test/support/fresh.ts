// Databases in memory for tests of the public API; each test file closes what it opened.

import { afterEach, expect } from 'vitest'
import type { EncodingOption } from '../../src/api/encoding.ts'
import type { OpenOptions } from '../../src/api/open-options.ts'
import { SlateDB } from '../../src/api/slatedb.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'

const open: { [Symbol.asyncDispose](): Promise<void> }[] = []

afterEach(async () => {
  for (const db of open.splice(0)) {
    await db[Symbol.asyncDispose]().catch((error) => {
      // A test may have had it taken over; its calls have said so.
      if (error.closeReason !== 'Fenced') throw error
    })
  }
})

/** An empty database with a fast WAL; closed after the test. */
export async function fresh<KE extends EncodingOption = 'binary', VE extends EncodingOption = 'binary'>(
  options: OpenOptions<KE, VE> = {},
  location = { store: new MemoryStore(), path: 'db' },
) {
  const db = await SlateDB.open(location, { settings: { flushInterval: 1 }, ...options })
  open.push(db)
  return db
}

export const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString()

/** Matches an Invalid error with this code. */
export const invalid = (code: string): unknown => expect.objectContaining({ kind: 'Invalid', code: `SLATEDB_${code}` })
