// Whether the log of a database is where it is looked for (OB-7). A manifest of version 2 does not say that the log has a
// store of its own. Opened without it, or with another one, a writer would find nothing to replay, and the rows in the
// real log would be lost as soon as a flush moves the replay point.

import { invalid, isStoreError } from '../errors.ts'
import type { Manifest } from '../format/manifest.ts'
import type { Paths } from '../format/paths.ts'
import type { ManifestRecord } from '../manifest/records.ts'
import type { ObjectStore } from '../objects/store.ts'
import { listTailAndFence, type WalTail } from '../wal/tail.ts'

/**
 * The tail behind the replay point. `tail` was read about when the manifest was; it is read again where that matters.
 * @throws Invalid when the manifest knows of log objects behind its replay point, and this store has none of them, nor the
 * one at that point, which collectors keep.
 */
export async function checkedTail(
  manifest: ManifestRecord,
  wal: ObjectStore,
  paths: Paths,
  tail: WalTail,
): Promise<WalTail> {
  if (!seemsElsewhere(manifest.current.value, tail)) return tail
  for (;;) {
    const { value } = manifest.current
    const again = await listTailAndFence(wal, paths, value.replayAfterWalId)
    if (!seemsElsewhere(value, again) || (await exists(wal, paths.wal(value.replayAfterWalId)))) return again
    // Collectors keep that object only as long as the replay point stays where it is.
    if (await manifest.refresh()) continue
    throw invalid(
      'WAL_STORE_MISMATCH',
      `database ${JSON.stringify(paths.root)} has written its WAL up to object ${value.nextWalId - 1}, and the WAL store has ` +
        `none of it from object ${value.replayAfterWalId} on: open it with the walStore that it was written with`,
    )
  }
}

function seemsElsewhere({ replayAfterWalId, nextWalId }: Manifest, { sizes }: WalTail): boolean {
  return replayAfterWalId > 0 && nextWalId > replayAfterWalId + 1 && sizes.size === 0
}

async function exists(store: ObjectStore, path: string): Promise<boolean> {
  try {
    await store.head(path)
    return true
  } catch (error) {
    if (isStoreError(error, 'NotFound')) return false
    throw error
  }
}
