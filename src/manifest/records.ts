// The two durable records of a database, as the roles see them. Reading order everywhere: compactions before manifest;
// writing order: manifest before compactions (CS-11).

import type { Env } from '../env/env.ts'
import { decodeBoundary, encodeBoundary } from '../format/boundary.ts'
import { type Compactions, decodeCompactions, encodeCompactions } from '../format/compactions.ts'
import { decodeManifest, encodeManifest, type Manifest } from '../format/manifest.ts'
import type { Paths } from '../format/paths.ts'
import { Boundary } from '../objects/boundary.ts'
import type { ObjectStore } from '../objects/store.ts'
import { Versioned } from '../objects/versioned.ts'
import { type EpochField, EpochRecord } from './epoch-record.ts'
import { checkNewL0 } from './publish.ts'

export interface RecordOptions {
  /** AP-2: min(60 s, GC's min_age / 4); 60 s by default. */
  readonly staleMaxMs?: number
}

export type ManifestRecord = EpochRecord<Manifest>
export type CompactionsRecord = EpochRecord<Compactions>

const boundaryCodec = { encode: encodeBoundary, decode: decodeBoundary }

/** The manifest without an epoch: enough for readers, workers, GC and admin (EP-8). Always in the main store (OB-1). */
export function manifestVersions(
  store: ObjectStore,
  env: Env,
  paths: Paths,
  options: RecordOptions = {},
): Versioned<Manifest> {
  return new Versioned(store, env, {
    ...options,
    what: 'manifest',
    folder: paths.manifests,
    nameOf: paths.manifest,
    parse: paths.parseManifest,
    encode: encodeManifest,
    decode: decodeManifest,
    check: checkNewL0,
    boundary: new Boundary(store, paths.manifestBoundary, boundaryCodec),
  })
}

/** The compactions record without an epoch. */
export function compactionsVersions(
  store: ObjectStore,
  env: Env,
  paths: Paths,
  options: RecordOptions = {},
): Versioned<Compactions> {
  return new Versioned(store, env, {
    ...options,
    what: 'compactions record',
    folder: paths.compactionsFolder,
    nameOf: paths.compactions,
    parse: paths.parseCompactions,
    encode: encodeCompactions,
    decode: decodeCompactions,
    boundary: new Boundary(store, paths.compactionsBoundary, boundaryCodec),
  })
}

const WRITER: EpochField<Manifest> = {
  role: 'writer',
  get: (manifest) => manifest.writerEpoch,
  set: (manifest, writerEpoch) => ({ ...manifest, writerEpoch }),
}

const COORDINATOR: EpochField<Manifest> = {
  role: 'compaction coordinator',
  get: (manifest) => manifest.compactorEpoch,
  set: (manifest, compactorEpoch) => ({ ...manifest, compactorEpoch }),
}

const COMPACTIONS: EpochField<Compactions> = {
  role: 'compaction coordinator',
  get: (compactions) => compactions.compactorEpoch,
  set: (compactions, compactorEpoch) => ({ ...compactions, compactorEpoch }),
}

/** The writer's hold on the manifest. An embedded coordinator shares its `versions`. */
export const writerManifest = (versions: Versioned<Manifest>): ManifestRecord => new EpochRecord(versions, WRITER)

/** The coordinator's hold on the manifest: claim it first, then the compactions with the same epoch (EP-14). */
export const coordinatorManifest = (versions: Versioned<Manifest>): ManifestRecord =>
  new EpochRecord(versions, COORDINATOR)

/** The coordinator's hold on the compactions: claim exactly the epoch of the manifest (EP-3). */
export const coordinatorCompactions = (versions: Versioned<Compactions>): CompactionsRecord =>
  new EpochRecord(versions, COMPACTIONS)
