// What must hold of a stored manifest before a handle works on it.

import { dataError, invalid, isStoreError } from '../errors.ts'
import type { Manifest } from '../format/manifest.ts'
import type { Paths } from '../format/paths.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { WalTail } from '../wal/tail.ts'

/** For a writer: step 1 of protocols.md 2.4. */
export function checkManifest(manifest: Manifest, paths: Paths, hasWalStore: boolean): void {
  checkInitialized(manifest, paths)
  // A V2 manifest does not record it: see `checkWalStore`.
  if (manifest.walStoreUri !== undefined && !hasWalStore) {
    throw invalid(
      'WAL_STORE_MISMATCH',
      `database ${JSON.stringify(paths.root)} keeps its WAL in a store of its own: open it with walStore`,
    )
  }
  if (manifest.segmentExtractorName !== undefined || manifest.segments.length > 0) {
    throw invalid(
      'SEGMENT_EXTRACTOR_MISMATCH',
      `database ${JSON.stringify(paths.root)} is segmented by extractor ${JSON.stringify(manifest.segmentExtractorName)}, which this writer does not have: open it read-only`,
    )
  }
}

/**
 * OB-7: version 2 does not say where the log is. When the manifest knows of log objects behind its replay point and this
 * store has none of them, not even the one at that point, which collectors keep, then it is another store.
 */
export async function checkWalStore(manifest: Manifest, tail: WalTail, wal: ObjectStore, paths: Paths): Promise<void> {
  const { replayAfterWalId, nextWalId } = manifest
  if (replayAfterWalId === 0 || nextWalId <= replayAfterWalId + 1 || tail.sizes.size > 0) return
  try {
    await wal.head(paths.wal(replayAfterWalId))
  } catch (error) {
    if (!isStoreError(error, 'NotFound')) throw error
    throw invalid(
      'WAL_STORE_MISMATCH',
      `database ${JSON.stringify(paths.root)} has written its WAL up to object ${nextWalId - 1}, and the WAL store has none of it ` +
        `from object ${replayAfterWalId} on: open it with the walStore that it was written with`,
      { cause: error },
    )
  }
}

export function checkInitialized(manifest: Manifest, paths: Paths): void {
  if (manifest.initialized) return
  throw dataError(
    'NOT_INITIALIZED',
    `database ${JSON.stringify(paths.root)} is a clone that was never finished: run the clone again, or delete it`,
  )
}
