import { test, vi } from 'vitest'
import type * as WalModule from '../../src/wal/sst-wal-writer.ts'
import { expectFound } from './planted.ts'

// A write is reported durable when it is in the buffer.
vi.mock('../../src/wal/sst-wal-writer.ts', async (original) => {
  const real = await original<typeof WalModule>()
  class EarlyWriter extends real.SstWalWriter {
    override append(...rows: Parameters<WalModule.SstWalWriter['append']>) {
      const ticket = super.append(...rows)
      ticket.succeed()
      return ticket
    }
  }
  return { ...real, SstWalWriter: EarlyWriter }
})

test('an early acknowledgement is found', { timeout: 120_000 }, async () => {
  await expectFound('acknowledge early', /acknowledged|durable/)
})
