// What a database is made of, read from its objects alone: the newest manifest and the listings. Writes nothing, needs
// no engine, so it also looks at a database that does not open.

import { dataError } from '../errors.ts'
import { decodeManifest, type Manifest, MIN_TICK, type TableView, type Tree } from '../format/manifest.ts'
import { Paths, tableResolver } from '../format/paths.ts'
import { dollars, S3_STANDARD } from '../objects/prices.ts'
import type { ObjectInfo } from '../objects/store.ts'
import { exactText } from './bytes-text.ts'
import { instant } from './human.ts'
import type { Opened } from './open-location.ts'

export interface TableLine {
  readonly id: string
  readonly bytes: number
  readonly firstKey: string | undefined
  readonly lastKey: string | undefined
  readonly codec: string
}

export interface TreeDescription {
  /** Key prefix of the segment; '' for the unsegmented tree. */
  readonly segment: string
  readonly l0: readonly TableLine[]
  readonly runs: readonly { readonly id: number; readonly bytes: number; readonly tables: readonly TableLine[] }[]
}

export interface Description {
  readonly store: string
  readonly path: string
  readonly manifestId: number
  readonly manifests: number
  readonly writerEpoch: number
  readonly compactorEpoch: number
  readonly lastL0Seq: bigint
  /** The newest create_ts in the tree, ISO 8601. */
  readonly lastWrite: string | undefined
  readonly wal: {
    readonly replayAfter: number
    readonly next: number
    readonly objects: number
    readonly bytes: number
    /** Objects that the next open replays. */
    readonly toReplay: number
    readonly separateStore: boolean
  }
  readonly trees: readonly TreeDescription[]
  readonly checkpoints: Manifest['checkpoints']
  readonly parents: readonly string[]
  /** Objects under compacted/ that the newest manifest does not name; garbage collection or a checkpoint owns them. */
  readonly unreferenced: { readonly objects: number; readonly bytes: number }
  readonly totalBytes: number
  readonly objects: number
  /** What looking cost. */
  readonly requests: number
  readonly requestDollars: number
  readonly storageDollarsPerMonth: number
}

export async function describeDatabase({ store, path }: Opened): Promise<Description> {
  const paths = new Paths(path)
  const before = store.counts.snapshot()
  const [manifests, wals, tables] = await Promise.all([
    store.list(paths.manifests),
    store.list(paths.wals),
    store.list(paths.tables),
  ])
  const ids = manifests.flatMap((info) => paths.parseManifest(info.path) ?? [])
  if (ids.length === 0) {
    throw dataError('MANIFEST_MISSING', `there is no database at ${JSON.stringify(path)} in ${store.describe()}`)
  }
  const manifestId = ids[ids.length - 1]!
  const name = paths.manifest(manifestId)
  const manifest = decodeManifest((await store.get(name)).bytes, name)

  const sizes = new Map(tables.map((info) => [info.path, info.size]))
  const nameOf = tableResolver(paths, manifest)
  const sizeOf = (view: TableView) => sizes.get(nameOf(view.table.id)) ?? 0
  const trees = [
    describeTree('', manifest.tree, sizeOf),
    ...manifest.segments.map((segment) => describeTree(exactText(segment.prefix), segment.tree, sizeOf)),
  ]
  const referenced = new Set(viewsOf(manifest).map((view) => nameOf(view.table.id)))
  const strays = tables.filter((info) => !referenced.has(info.path))
  const walIds = wals.flatMap((info) => paths.parseWal(info.path) ?? [])
  const all = [...manifests, ...wals, ...tables]
  const totalBytes = sum(all)
  const spent = store.counts.since(before)
  return {
    store: store.describe(),
    path,
    manifestId,
    manifests: ids.length,
    writerEpoch: manifest.writerEpoch,
    compactorEpoch: manifest.compactorEpoch,
    lastL0Seq: manifest.lastL0Seq,
    lastWrite: manifest.lastL0ClockTick === MIN_TICK ? undefined : instant(manifest.lastL0ClockTick),
    wal: {
      replayAfter: manifest.replayAfterWalId,
      next: manifest.nextWalId,
      objects: walIds.length,
      bytes: sum(wals),
      toReplay: walIds.filter((id) => id > manifest.replayAfterWalId).length,
      separateStore: manifest.walStoreUri !== undefined,
    },
    trees,
    checkpoints: manifest.checkpoints,
    parents: manifest.externalDbs.map((parent) => parent.path),
    unreferenced: { objects: strays.length, bytes: sum(strays) },
    totalBytes,
    objects: all.length,
    requests: spent.requests(),
    requestDollars: dollars(spent),
    storageDollarsPerMonth: (totalBytes / 1e9) * S3_STANDARD.storagePerGbMonth,
  }
}

function describeTree(segment: string, tree: Tree, sizeOf: (view: TableView) => number): TreeDescription {
  const line = (view: TableView): TableLine => ({
    id: view.table.id,
    bytes: sizeOf(view),
    firstKey: view.table.info.firstEntry && exactText(view.table.info.firstEntry),
    lastKey: view.table.info.lastEntry && exactText(view.table.info.lastEntry),
    codec: view.table.info.codec,
  })
  return {
    segment,
    l0: tree.l0.map(line),
    runs: tree.runs.map((run) => {
      const tables = run.views.map(line)
      return { id: run.id, bytes: tables.reduce((total, each) => total + each.bytes, 0), tables }
    }),
  }
}

function viewsOf(manifest: Manifest): TableView[] {
  const trees = [manifest.tree, ...manifest.segments.map((segment) => segment.tree)]
  return trees.flatMap((tree) => [...tree.l0, ...tree.runs.flatMap((run) => run.views)])
}

function sum(infos: readonly ObjectInfo[]): number {
  return infos.reduce((total, info) => total + info.size, 0)
}
