// What every manifest version of a writer carries afresh, whatever it was written for (FL-18).

import { toBigInt } from '../bytes/u64.ts'
import type { Manifest } from '../format/manifest.ts'
import { type GenerationForms, inGeneration } from '../manifest/generation.ts'
import type { Snapshots } from './snapshots.ts'

export interface StampOptions {
  readonly snapshots: Snapshots
  /** Next WAL id to be allocated, as of now. */
  readonly nextWalId: () => number
  readonly forms: GenerationForms
}

/**
 * The next WAL id is exactly one above the last that exists. A stored one that is greater is wrong, and is put right: a
 * writer of 0.18 would open such a database and be closed by its first flush.
 */
export function stampManifest(manifest: Manifest, { snapshots, nextWalId, forms }: StampOptions): Manifest {
  const oldest = snapshots.oldest()
  const recentSnapshotMinSeq = oldest === undefined ? manifest.lastL0Seq : toBigInt(oldest.seqHi, oldest.seqLo)
  return inGeneration({ ...manifest, recentSnapshotMinSeq, nextWalId: nextWalId() }, forms)
}
