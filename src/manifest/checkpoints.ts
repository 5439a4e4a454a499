// Checkpoints: pins on manifest versions (protocols.md 10.1). Times are stored in whole seconds, truncated (CK-3).

import { U32_MAX } from '../bytes/u64.ts'
import { dataError } from '../errors.ts'
import type { Checkpoint, Manifest } from '../format/manifest.ts'

export interface NewCheckpoint {
  /** UUID text, fresh. */
  readonly id: string
  readonly nowMs: number
  /** `undefined` = permanent. */
  readonly lifetimeMs?: number | undefined
  /** Need not be unique. */
  readonly name?: string | undefined
  /** Pins what this checkpoint pins, instead of the version that records the new one. */
  readonly sourceId?: string | undefined
}

/**
 * CK-2: records a checkpoint in the version that will be written on top of `baseId`, and pins that very version. Data
 * when the database is not initialized, or has no checkpoint `sourceId`.
 */
export function addCheckpoint(manifest: Manifest, baseId: number, checkpoint: NewCheckpoint): Manifest {
  if (!manifest.initialized) {
    throw dataError('INVALID_DB_STATE', 'the database is not initialized: a clone that was begun is not finished yet')
  }
  const manifestId =
    checkpoint.sourceId === undefined ? baseId + 1 : requireCheckpoint(manifest, checkpoint.sourceId).manifestId
  const added: Checkpoint = {
    id: checkpoint.id,
    manifestId,
    expireTime: expiry(checkpoint.nowMs, checkpoint.lifetimeMs),
    createTime: seconds(checkpoint.nowMs),
    name: checkpoint.name,
  }
  return { ...manifest, checkpoints: [...manifest.checkpoints, added] }
}

/** CK-5: lets a checkpoint live for `lifetimeMs` from now on, or for ever. Data when it is missing. */
export function refreshCheckpoint(
  manifest: Manifest,
  id: string,
  times: { readonly nowMs: number; readonly lifetimeMs: number | undefined },
): Manifest {
  requireCheckpoint(manifest, id)
  const expireTime = expiry(times.nowMs, times.lifetimeMs)
  const checkpoints = manifest.checkpoints.map((one) => (one.id === id ? { ...one, expireTime } : one))
  return { ...manifest, checkpoints }
}

/** CK-5: `undefined` when there is nothing to remove, so that nothing is written. */
export function removeCheckpoint(manifest: Manifest, id: string): Manifest | undefined {
  return without(manifest, (checkpoint) => checkpoint.id === id)
}

/** CK-6: one version that drops the old checkpoint, if it is still there, and records the new one. */
export function replaceCheckpoint(
  manifest: Manifest,
  baseId: number,
  oldId: string | undefined,
  checkpoint: NewCheckpoint,
): Manifest {
  const added = addCheckpoint(manifest, baseId, checkpoint)
  return oldId === undefined ? added : (removeCheckpoint(added, oldId) ?? added)
}

/** GC-3: drops checkpoints whose time has come; `undefined` when there are none. */
export function expireCheckpoints(manifest: Manifest, nowMs: number): Manifest | undefined {
  return without(manifest, ({ expireTime }) => expireTime !== undefined && expireTime * 1000 <= nowMs)
}

export function findCheckpoint(manifest: Manifest, id: string): Checkpoint | undefined {
  return manifest.checkpoints.find((checkpoint) => checkpoint.id === id)
}

/** Data when it is missing. */
export function requireCheckpoint(manifest: Manifest, id: string): Checkpoint {
  const found = findCheckpoint(manifest, id)
  if (found === undefined) throw dataError('CHECKPOINT_MISSING', `checkpoint ${id} does not exist (any more)`)
  return found
}

function without(manifest: Manifest, drop: (checkpoint: Checkpoint) => boolean): Manifest | undefined {
  const checkpoints = manifest.checkpoints.filter((checkpoint) => !drop(checkpoint))
  return checkpoints.length === manifest.checkpoints.length ? undefined : { ...manifest, checkpoints }
}

const seconds = (ms: number): number => Math.min(Math.max(Math.floor(ms / 1000), 0), U32_MAX)

/** 0 on storage means never, so a checkpoint that ends at the very beginning of time ends one second later. */
function expiry(nowMs: number, lifetimeMs: number | undefined): number | undefined {
  return lifetimeMs === undefined ? undefined : Math.max(seconds(nowMs + lifetimeMs), 1)
}
