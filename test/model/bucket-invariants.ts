// What must hold of a bucket after any run, read from its objects alone (trust.md oracle 5; INV-1..INV-4). It looks at
// bytes through the format room only, so that an engine that writes nonsense and reads it back the same way is caught.

import { ulidTime } from '../../src/bytes/ids.ts'
import { toBigInt } from '../../src/bytes/u64.ts'
import { decodeManifest, type Manifest, type TableView } from '../../src/format/manifest.ts'
import { Paths } from '../../src/format/paths.ts'
import type { BlockTransformer } from '../../src/format/seal.ts'
import { openWalObject, WalRows } from '../../src/format/wal-object.ts'
import type { ObjectInfo, ObjectStore } from '../../src/objects/store.ts'

export interface BucketReport {
  readonly manifests: readonly { readonly id: number; readonly value: Manifest }[]
  readonly newest: Manifest
  readonly walIds: readonly number[]
  /** Uploaded and never published: left by crashes, harmless. */
  readonly orphans: readonly string[]
}

export interface InvariantOptions {
  readonly walStore?: ObjectStore | undefined
  readonly transformer?: BlockTransformer | undefined
  /**
   * Nothing was collected from the log. A writer that was superseded long ago may otherwise have filled a place before the
   * replay point, with rows that it never acknowledged. Default true.
   */
  readonly logIsWhole?: boolean
}

/** Throws an Error that lists every broken invariant. Nothing may write meanwhile. */
export async function checkBucket(
  store: ObjectStore,
  root: string,
  options: InvariantOptions = {},
): Promise<BucketReport> {
  const paths = new Paths(root)
  const wrong: string[] = []
  const objects = await store.list(paths.prefix)
  const manifests = await readManifests(store, paths, objects, wrong)
  if (manifests.length === 0) throw new Error(`bucket ${root}: there is no manifest`)
  for (let i = 1; i < manifests.length; i++) checkSuccession(manifests[i - 1]!, manifests[i]!, wrong)
  const names = new Set(objects.map((object) => object.path))
  for (const { id, value } of manifests) checkManifest(id, value, names, paths, wrong)
  const newest = manifests.at(-1)!.value
  const walIds = await checkWal(options.walStore ?? store, paths, newest, options, wrong)
  const referenced = new Set(manifests.flatMap(({ value }) => viewsOf(value).map((view) => view.table.id)))
  const orphans = objects.flatMap(({ path }) => {
    const id = paths.parseTable(path)
    return id !== undefined && !referenced.has(id) ? [id] : []
  })
  for (const { path } of objects) if (!isKnown(path, paths)) wrong.push(`stray object ${path}`)
  if (wrong.length > 0)
    throw new Error(`bucket ${root} breaks ${wrong.length} invariants:\n  ${wrong.slice(0, 20).join('\n  ')}`)
  return { manifests, newest, walIds, orphans }
}

function isKnown(path: string, paths: Paths): boolean {
  return (
    paths.parseManifest(path) !== undefined ||
    paths.parseWal(path) !== undefined ||
    paths.parseTable(path) !== undefined ||
    paths.parseCompactions(path) !== undefined ||
    path === paths.manifestBoundary ||
    path === paths.compactionsBoundary
  )
}

async function readManifests(store: ObjectStore, paths: Paths, objects: readonly ObjectInfo[], wrong: string[]) {
  const manifests: { id: number; value: Manifest }[] = []
  for (const { path } of objects) {
    const id = paths.parseManifest(path)
    if (id !== undefined) manifests.push({ id, value: decodeManifest((await store.get(path)).bytes, path) })
  }
  manifests.sort((a, b) => a.id - b.id)
  // MS-1: consecutive from 1; nothing collects garbage in these runs.
  manifests.forEach(({ id }, at) => {
    if (id !== at + 1) wrong.push(`manifest ids have a gap: ${id} stands at place ${at + 1}`)
  })
  return manifests
}

/** INV-2: what never goes down from one version to the next. */
function checkSuccession(
  a: { id: number; value: Manifest },
  b: { id: number; value: Manifest },
  wrong: string[],
): void {
  const fields: (keyof Manifest)[] = [
    'writerEpoch',
    'compactorEpoch',
    'replayAfterWalId',
    'nextWalId',
    'lastL0ClockTick',
    'lastL0Seq',
  ]
  for (const field of fields) {
    const before = a.value[field] as number | bigint
    const after = b.value[field] as number | bigint
    if (after < before) wrong.push(`${field} falls from ${before} in manifest ${a.id} to ${after} in manifest ${b.id}`)
  }
  if (b.value.writerEpoch > a.value.writerEpoch + 1) wrong.push(`manifest ${b.id} skips a writer epoch`)
  if (b.value.writerEpoch > a.value.writerEpoch && tableIds(b.value).join() !== tableIds(a.value).join()) {
    wrong.push(`manifest ${b.id} claims an epoch and changes L0 in one step`)
  }
  // Only the coordinator removes an L0, and there is none in these runs.
  const after = new Set(tableIds(b.value))
  for (const id of tableIds(a.value))
    if (!after.has(id)) wrong.push(`table ${id} vanished between manifest ${a.id} and ${b.id}`)
}

function checkManifest(
  id: number,
  manifest: Manifest,
  names: ReadonlySet<string>,
  paths: Paths,
  wrong: string[],
): void {
  const where = `manifest ${id}`
  if (!manifest.initialized) wrong.push(`${where} is not initialized`)
  if (manifest.nextWalId <= manifest.replayAfterWalId) {
    wrong.push(`${where}: next WAL id ${manifest.nextWalId} is not above the replay point ${manifest.replayAfterWalId}`)
  }
  const views = viewsOf(manifest)
  for (const view of views) {
    if (!names.has(paths.table(view.table.id)))
      wrong.push(`${where} lists table ${view.table.id}, which does not exist`)
  }
  if (new Set(views.map((view) => view.table.id)).size !== views.length) wrong.push(`${where} lists a table twice`)
  const { l0 } = manifest.tree
  for (let i = 1; i < l0.length; i++) {
    if (ulidTime(l0[i - 1]!.table.id) < ulidTime(l0[i]!.table.id))
      wrong.push(`${where}: L0 is not newest first at ${i}`)
  }
  const { seqs, times } = manifest.sequenceTracker
  if (seqs.length !== times.length || seqs.length > 8192) wrong.push(`${where}: tracker of ${seqs.length} entries`)
  for (let i = 1; i < seqs.length; i++) {
    if (seqs[i]! <= seqs[i - 1]! || times[i]! < times[i - 1]!) wrong.push(`${where}: tracker not sorted at ${i}`)
  }
}

/** WA-4, WA-8, RC-4: behind the replay point no gap, every object readable, sequence numbers rise. */
async function checkWal(
  store: ObjectStore,
  paths: Paths,
  newest: Manifest,
  options: InvariantOptions,
  wrong: string[],
): Promise<number[]> {
  const ids = (await store.list(paths.wals)).flatMap(({ path }) => paths.parseWal(path) ?? []).sort((a, b) => a - b)
  const behind = ids.filter((id) => id > newest.replayAfterWalId)
  behind.forEach((id, at) => {
    if (id !== newest.replayAfterWalId + 1 + at) wrong.push(`WAL ids have a gap before ${id}`)
  })
  let last = 0n
  let lastTick = Number.NEGATIVE_INFINITY
  for (const id of (options.logIsWhole ?? true) ? ids : behind) {
    const path = paths.wal(id)
    const rows = new WalRows(await openWalObject((await store.get(path)).bytes, path, options.transformer))
    let first = true
    let inFile = last
    while (await rows.next()) {
      const { seqHi, seqLo, createTs } = rows.row
      const seq = toBigInt(seqHi, seqLo)
      if (first && seq <= last) wrong.push(`${path} begins at seq ${seq}, after seq ${last} in an earlier object`)
      if (seq < inFile) wrong.push(`${path}: seq ${seq} after ${inFile}`)
      if (createTs < lastTick) wrong.push(`${path}: create_ts goes back from ${lastTick} to ${createTs} at seq ${seq}`)
      first = false
      inFile = seq
      lastTick = createTs
    }
    last = inFile
  }
  return ids
}

function viewsOf(manifest: Manifest): TableView[] {
  const trees = [manifest.tree, ...manifest.segments.map((segment) => segment.tree)]
  return trees.flatMap((tree) => [...tree.l0, ...tree.runs.flatMap((run) => run.views)])
}

const tableIds = (manifest: Manifest): string[] => viewsOf(manifest).map((view) => view.table.id)
