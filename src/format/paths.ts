// Object names of a database (format.md section 2). Ids are 20 decimal digits, so that names order as numbers do.
//
//   <root>/manifest/<id>.manifest         <root>/compacted/<ULID>.sst          <root>/gc/manifest.boundary
//   <root>/compactions/<id>.compactions   <root>/wal/<id>.sst                  <root>/gc/compactions.boundary
//
// A name in one of these folders that is not exactly of this form is a stranger: skipped, never an error, never
// deleted (OB-2).

import { isUlid } from '../bytes/ids.ts'
import { assert, dataError, invalid, isSlateDBError, type SlateDBError } from '../errors.ts'
import type { Manifest } from './manifest.ts'

/** S3 allows keys of 1024 bytes; the longest name below a root has 46. */
const MAX_ROOT_LENGTH = 960
const MAX_U64 = '18446744073709551615'

/** The names of one database. Folder names end in a slash: GC-21 matches whole path segments. */
export class Paths {
  /** Without leading or trailing slash; empty for a database at the top of its store. */
  readonly root: string
  /** What every object of the database starts with. */
  readonly prefix: string
  readonly manifests: string
  readonly wals: string
  readonly tables: string
  readonly compactionsFolder: string
  readonly manifestBoundary: string
  readonly compactionsBoundary: string
  /** Marks a database whose deletion has begun (AD-4). */
  readonly deleteMarker: string

  /** Invalid when `root` is not a path that every implementation spells the same way. */
  constructor(root: string) {
    this.root = normalizeRoot(root)
    this.prefix = this.root === '' ? '' : `${this.root}/`
    this.manifests = `${this.prefix}manifest/`
    this.wals = `${this.prefix}wal/`
    this.tables = `${this.prefix}compacted/`
    this.compactionsFolder = `${this.prefix}compactions/`
    this.manifestBoundary = `${this.prefix}gc/manifest.boundary`
    this.compactionsBoundary = `${this.prefix}gc/compactions.boundary`
    this.deleteMarker = `${this.prefix}.deleting`
  }

  readonly manifest = (id: number): string => `${this.manifests}${padId(id)}.manifest`
  readonly wal = (id: number): string => `${this.wals}${padId(id)}.sst`
  readonly compactions = (id: number): string => `${this.compactionsFolder}${padId(id)}.compactions`
  readonly table = (ulid: string): string => `${this.tables}${ulid}.sst`

  /** The id in a full object name; `undefined` for a stranger. Data when it is larger than 2^53 - 1. */
  readonly parseManifest = (name: string): number | undefined => parseId(name, this.manifests, '.manifest')
  readonly parseWal = (name: string): number | undefined => parseId(name, this.wals, '.sst')
  readonly parseCompactions = (name: string): number | undefined =>
    parseId(name, this.compactionsFolder, '.compactions')

  /** The ULID in a full object name; `undefined` for a stranger. */
  readonly parseTable = (name: string): string | undefined => {
    if (!name.startsWith(this.tables) || !name.endsWith('.sst')) return undefined
    const id = name.slice(this.tables.length, -4)
    return isUlid(id) ? id : undefined
  }
}

/**
 * Where the compacted SSTs of a manifest are (OB-3): one that an external database lists lives under that database's
 * path, every other one, and every new one, under the own root. WAL ids are always local.
 */
export function tableResolver(paths: Paths, manifest: Pick<Manifest, 'externalDbs'>): (ulid: string) => string {
  const borrowed = new Map<string, Paths>()
  for (const external of manifest.externalDbs) {
    if (external.tableIds.length === 0) continue
    const parent = externalPaths(external.path, paths.root)
    for (const id of external.tableIds) borrowed.set(id, parent)
  }
  return borrowed.size === 0 ? paths.table : (ulid) => (borrowed.get(ulid) ?? paths).table(ulid)
}

/**
 * Drops leading and trailing slashes. The Rust path type percent-encodes some characters, once for manifests and twice
 * for tables, so a database whose root holds one of them has no name that both sides agree on: Invalid.
 */
export function normalizeRoot(root: string): string {
  const path = root.replace(/^\//, '').replace(/\/$/, '')
  if (path.length > MAX_ROOT_LENGTH) throw badRoot(root, `it is longer than ${MAX_ROOT_LENGTH} characters`)
  if (path === '') {
    if (root.length > 1) throw badRoot(root, 'it has an empty segment')
    return path
  }
  const strange = /[^ -~]|[\\{^}%`\]">[~<#|*?]/.exec(path)
  if (strange !== null) throw badRoot(root, `character ${JSON.stringify(strange[0])} is not allowed`)
  for (const segment of path.split('/')) {
    if (segment === '') throw badRoot(root, 'it has an empty segment')
    if (segment === '.' || segment === '..') throw badRoot(root, `it has a segment "${segment}"`)
  }
  return path
}

/** 20 digits. */
export function padId(id: number): string {
  assert(Number.isSafeInteger(id) && id >= 0, 'ids of stored objects are non-negative safe integers')
  return String(id).padStart(20, '0')
}

function parseId(name: string, folder: string, suffix: string): number | undefined {
  if (name.length !== folder.length + 20 + suffix.length) return undefined
  if (!name.startsWith(folder) || !name.endsWith(suffix)) return undefined
  const digits = name.slice(folder.length, folder.length + 20)
  if (!/^[0-9]{20}$/.test(digits) || digits > MAX_U64) return undefined
  const id = Number(digits)
  // Peers would take it for a version of the record, so passing over it in silence could show an old state.
  if (!Number.isSafeInteger(id)) throw dataError('NUMBER_TOO_LARGE', `object "${name}": id is larger than 2^53 - 1`)
  return id
}

/** The path comes from storage: a bad one is damaged data, not a wrong call. */
function externalPaths(path: string, ofRoot: string): Paths {
  try {
    return new Paths(path)
  } catch (cause) {
    if (!isSlateDBError(cause)) throw cause
    throw dataError('INVALID_EXTERNAL_PATH', `manifest of "${ofRoot}": external database path is not valid`, { cause })
  }
}

function badRoot(root: string, why: string): SlateDBError {
  const shown = root.length > 200 ? `${root.slice(0, 200)}...` : root
  return invalid('INVALID_PATH', `database path ${JSON.stringify(shown)} is not valid: ${why}`)
}
