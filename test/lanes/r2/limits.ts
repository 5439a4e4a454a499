// What the real binding refuses, so that the codes which `r2-answers.ts` knows are those it throws. Pure: it runs inside
// workerd.

import { isSlateDBError, type StoreReason } from '../../../src/errors.ts'
import { check, settled } from '../../../src/sim/check.ts'
import { type R2Binding, R2Store } from '../../../src/stores/r2.ts'

/** The tests by their names. */
export function limitTests(open: () => R2Binding): Map<string, () => Promise<void>> {
  const refuses = async (work: Promise<unknown>, reason: StoreReason, says: RegExp) => {
    const outcome = await settled(work)
    check(!outcome.ok && isSlateDBError(outcome.error), `${says} to be refused`)
    const { storeReason, message } = outcome.error
    check(storeReason === reason && says.test(message), `${reason} and ${says}, not ${storeReason}: ${message}`)
  }
  const KIB = 1024
  return new Map([
    [
      'limits: a name of 1,024 bytes is the longest',
      async () => {
        const store = new R2Store(open())
        await store.put('n'.repeat(KIB), new Uint8Array(1), { mode: 'create' })
        await refuses(
          store.put('n'.repeat(KIB + 1), new Uint8Array(1), { mode: 'create' }),
          'InvalidPath',
          /1024 bytes/,
        )
      },
    ],
    [
      'limits: metadata that is too large',
      async () => {
        const metadata = { note: 'm'.repeat(10 * KIB) }
        const put = new R2Store(open()).put('a', new Uint8Array(1), { mode: 'create', metadata })
        await refuses(put, 'NotSupported', /\(10012\).*at most 8,192 bytes/)
      },
    ],
    [
      'limits: an upload whose parts are not of one size',
      async () => {
        const bucket = open()
        const MIB = KIB * KIB
        // The store cuts parts evenly, so the second one is made shorter behind its back.
        const uneven: R2Binding = {
          head: (key) => bucket.head(key),
          get: (key, options) => bucket.get(key, options),
          put: (key, value, options) => bucket.put(key, value, options),
          delete: (key) => bucket.delete(key),
          list: (options) => bucket.list(options),
          createMultipartUpload: async (key, options) => {
            const upload = await bucket.createMultipartUpload(key, options)
            return {
              uploadPart: (number, value) => upload.uploadPart(number, number === 2 ? value.subarray(0, MIB) : value),
              complete: (parts) => upload.complete(parts),
              abort: () => upload.abort(),
            }
          },
        }
        const upload = await new R2Store(uneven, { partSizeBytes: 5 * MIB }).startUpload('large')
        const send = async () => {
          await upload.part(new Uint8Array(16 * MIB))
          return upload.complete()
        }
        await refuses(send(), 'NotSupported', /\(100(11|48)\).*check partSizeBytes/)
      },
    ],
    [
      'limits: an object is no bucket, and neither is nothing',
      async () => {
        for (const given of [undefined, null, 'BUCKET', { head() {}, get() {} }, open().put]) {
          const opened = await settled((async () => new R2Store(given as never))())
          check(!opened.ok && isSlateDBError(opened.error), `${String(given)} to be refused`)
          check(opened.error.code === 'SLATEDB_BINDING', `a binding error, not ${opened.error.message}`)
        }
      },
    ],
  ])
}
