// What must hold of a stored manifest before a handle works on it.

import { dataError, invalid } from '../errors.ts'
import type { Manifest } from '../format/manifest.ts'
import type { Paths } from '../format/paths.ts'

/** For a writer: step 1 of protocols.md 2.4. */
export function checkManifest(manifest: Manifest, paths: Paths, hasWalStore: boolean): void {
  checkInitialized(manifest, paths)
  // A V2 manifest does not record it: see check-log.ts.
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

export function checkInitialized(manifest: Manifest, paths: Paths): void {
  if (manifest.initialized) return
  throw dataError(
    'NOT_INITIALIZED',
    `database ${JSON.stringify(paths.root)} is a clone that was never finished: run the clone again, or delete it`,
  )
}
