// How a writer takes a database over (protocols.md 2.4): claim the next epoch in the manifest, put an empty WAL object
// where the old writer would put its next one, look at the manifest once more. From then on the old writer can neither
// publish nor make anything durable, and everything it made durable lies in front of the fence.

import { type Env, sleep } from '../env/env.ts'
import { isStoreError, unavailable } from '../errors.ts'
import type { Manifest } from '../format/manifest.ts'
import type { Paths } from '../format/paths.ts'
import type { BlockTransformer } from '../format/seal.ts'
import { encodeRowlessFence, ZERO_BYTE_FENCE } from '../format/wal-table.ts'
import { type FormatGeneration, GENERATIONS, inGeneration } from '../manifest/generation.ts'
import type { ManifestRecord } from '../manifest/records.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { PendingWrite } from '../objects/versioned.ts'
import { listTailAndFence, type WalTail, walTruncated } from './tail.ts'

export interface FenceOptions {
  readonly env: Env
  /** Holds the newest manifest; read a moment ago. */
  readonly manifest: ManifestRecord
  /** Where the WAL is. */
  readonly store: ObjectStore
  readonly paths: Paths
  readonly transformer: BlockTransformer | undefined
  /** The tail behind the manifest's replay point, when the caller has just read it. */
  readonly firstTail?: WalTail | undefined
  /** The database's format generation, judged by what is there before anything is written (VX-3). */
  readonly generation: (tail: WalTail) => Promise<FormatGeneration>
}

export interface Fence {
  readonly id: number
  readonly generation: FormatGeneration
  /** Sizes of the WAL files in front of it. */
  readonly sizes: ReadonlyMap<number, number>
}

/**
 * A writer that makes log objects faster than this process can cannot be outrun: each create here loses against its next
 * object. But it looks at the manifest once a minute at least (AP-4; releases of the original once a second), and with
 * every table that it publishes, and finds the claim there. So the fence is tried for as long as that takes, and some more.
 */
const TIMEOUT_MS = 120_000
/** After so many lost creates without a rest the fence waits for that look, near the end of the log. */
const HASTY_TURNS = 16
const REST_MS = 100

/** @throws Closed(Fenced) when a newer writer overtakes this one; Data when the WAL has a gap. */
export async function fenceWal(options: FenceOptions): Promise<Fence> {
  const { manifest, paths, env } = options
  // The tail is read before the claim: a writer that is slow here must not mistake its successor's files for its own.
  const { firstTail } = options
  let tail =
    firstTail?.missing === undefined && firstTail !== undefined ? firstTail : await tailAfterReplayPoint(options)
  const generation = await options.generation(tail)
  const edit = (value: Manifest) => inGeneration(value, GENERATIONS[generation])
  let claim: PendingWrite<Manifest> | undefined = await manifest.beginClaim({ edit })
  let replayAfter = claim.value.replayAfterWalId
  let id = tail.lastId + 1
  const startMs = env.clock.monotonic()
  for (let lost = 0; env.clock.monotonic() - startMs < TIMEOUT_MS; ) {
    if (id > replayAfter) {
      // The boundary check of the claim runs beside the PUT. Should the claim not count after all, the fence came before
      // the claim that does: the same as of an opener that died here. It fences no writer, so another one follows.
      const [created, written] = await Promise.all([
        createFence(options, id, generation),
        claim === undefined ? 'written' : claim.confirm(),
      ])
      claim = undefined
      if (written === 'conflict') await manifest.claim({ edit })
      // Also after a lost create, and before the next: what took the name may be the fence of a newer writer, whose first
      // object must find its own name free (EP-4).
      await manifest.refresh()
      replayAfter = manifest.current.value.replayAfterWalId
      const counts = created && written === 'written'
      if (counts && id > replayAfter) {
        const { sizes } = lost === 0 ? tail : await tailAfterReplayPoint(options)
        return { id, generation, sizes }
      }
      if (!counts) id++
      if (created || ++lost < HASTY_TURNS) continue
      await sleep(env.clock, REST_MS * (1 + env.random.float()), { label: 'an older writer to see the claim' })
    } else if (claim !== undefined && (await claim.confirm()) === 'conflict') {
      await manifest.claim({ edit })
    }
    // The old writer flushed in between, and its files may have been collected: a fence there would fence nothing (BG-4).
    claim = undefined
    tail = await tailAfterReplayPoint(options)
    await manifest.refresh()
    replayAfter = manifest.current.value.replayAfterWalId
    id = tail.lastId + 1
  }
  throw unavailable(
    'FENCE_TIMEOUT',
    `the WAL of ${paths.root} could not be fenced within ${TIMEOUT_MS / 1000} s: another writer keeps writing and does not ` +
      'look at the manifest; end that writer',
  )
}

/** False when the id is taken. */
async function createFence(
  { store, paths, transformer }: FenceOptions,
  id: number,
  generation: FormatGeneration,
): Promise<boolean> {
  const rowless = GENERATIONS[generation].fence === 'rowless'
  const body = rowless ? await encodeRowlessFence(transformer) : ZERO_BYTE_FENCE
  try {
    // All fences are alike: one that another writer made must not be taken for ours.
    await store.put(paths.wal(id), body, { mode: 'create', anonymous: true })
    return true
  } catch (error) {
    if (isStoreError(error, 'AlreadyExists') || isStoreError(error, 'Precondition')) return false
    throw error
  }
}

async function tailAfterReplayPoint({ manifest, store, paths }: FenceOptions): Promise<WalTail> {
  for (;;) {
    const after = manifest.current.value.replayAfterWalId
    const tail = await listTailAndFence(store, paths, after)
    if (tail.missing === undefined) return tail
    // A writer that flushed meanwhile moves the replay point, and a collector may then remove files behind it.
    await manifest.refresh()
    if (manifest.current.value.replayAfterWalId <= after) throw walTruncated(paths, tail.missing)
  }
}
