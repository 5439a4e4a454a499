// A store's answer about the bucket as a whole, not about one object.

import { SlateDBError } from '../errors.ts'

/** Stable code of "the bucket does not exist", or is not served here; its `storeReason` is `InvalidPath`. */
export const BUCKET_REFUSED = 'SLATEDB_STORE_BUCKET'

/**
 * What a store throws when it is told that there is no such bucket. Of a bucket that has never answered that is a mistake
 * of the configuration. Of one that has, it is a failure that may pass (large providers say it for a moment of buckets in
 * use, and disks are unmounted): `retrying` knows which of the two it is.
 */
export function bucketError(
  path: string,
  detail: string,
  more: { cause?: unknown; retryAfterMs?: number | undefined } = {},
): SlateDBError {
  const message = path === '' ? detail : `object ${JSON.stringify(path)}: ${detail}`
  return new SlateDBError('Invalid', BUCKET_REFUSED, message, { ...more, storeReason: 'InvalidPath' })
}
