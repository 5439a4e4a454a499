// A database of many tables, as a compactor leaves it: a few in L0, the others in sorted runs. Its rows come from real
// tables; only the manifest is put together here.

import { mintUlid } from '../../src/bytes/ids.ts'
import { NO_TS, VALUE } from '../../src/cursor/row.ts'
import { openDb } from '../../src/db/open.ts'
import { parseSettings } from '../../src/db/settings.ts'
import type { Env } from '../../src/env/env.ts'
import type { SortedRun, TableView } from '../../src/format/manifest.ts'
import { Paths } from '../../src/format/paths.ts'
import { manifestVersions } from '../../src/manifest/records.ts'
import type { ObjectStore } from '../../src/objects/store.ts'
import { toBytes } from '../model/bytes.ts'
import type { PlainRow } from '../support/table-rows.ts'
import { build } from '../support/tables.ts'

export interface Shape {
  readonly l0: number
  readonly runs: number
  readonly tablesPerRun: number
  /** Each run behind the keys of the one before, as L0 tables of a load in key order are. Default: all over the same keys. */
  readonly disjoint?: boolean
  /** Default 20. */
  readonly rowsPerTable?: number
  /** Bytes of a value, at least; default as many as it takes to say whose value it is. */
  readonly valueBytes?: number
}

/** 1,000 tables: four in L0, each over the whole range of keys, and four sorted runs. */
export const THOUSAND: Shape = { l0: 4, runs: 4, tablesPerRun: 249 }

export const storedUnder = (key: string): string => `value of ${key}`

export const keyOf = (table: number, row: number): string =>
  `key${String(table).padStart(4, '0')}.${String(row).padStart(5, '0')}`

/** Key `keyOf(table, row)` is in run `row % runs` (0 = the newest) only, and inside the span of a table of every run. */
export async function manyTables(store: ObjectStore, env: Env, root: string, shape: Shape): Promise<void> {
  const settings = parseSettings({ compactorOptions: null, garbageCollectorOptions: null })
  const db = await openDb({ store, path: root, env, settings })
  await db.put(toBytes('first'), toBytes('row'))
  await db.close()

  const { rowsPerTable = 20, valueBytes = 0 } = shape
  const paths = new Paths(root)
  let seq = 10n
  const view = async (names: readonly string[]): Promise<TableView> => {
    const id = mintUlid(env.clock.now(), env.random.bytes(10))
    const rows: PlainRow[] = names.map((name) => ({
      key: toBytes(name),
      value: toBytes(storedUnder(name).padEnd(valueBytes, '.')),
      seq: seq++,
      kind: VALUE,
      createTs: NO_TS,
      expireTs: NO_TS,
    }))
    // With filters, as tables of ordinary size have them.
    const built = await build(rows, { blockSize: 4096, minFilterKeys: 1, keepBlocks: false })
    await store.put(paths.table(id), built.body, { mode: 'overwrite' })
    return { viewId: id, table: { id, info: built.info, formatVersion: 2 }, visibleRange: undefined }
  }
  const runs: SortedRun[] = []
  for (let run = shape.runs - 1; run >= 0; run--) {
    const views: TableView[] = []
    for (let i = 0; i < shape.tablesPerRun; i++) {
      const table = shape.disjoint ? run * shape.tablesPerRun + i : i
      views.push(await view(Array.from({ length: rowsPerTable }, (_, n) => keyOf(table, n * shape.runs + run))))
    }
    runs.unshift({ id: shape.runs - run, views })
  }
  const l0: TableView[] = []
  for (let i = 0; i < shape.l0; i++) l0.unshift(await view([`key.l0.${i}`, `key9999.l0.${i}`]))
  const versions = manifestVersions(store, env, paths)
  await versions.readLatest()
  await versions.update((manifest) => ({
    ...manifest,
    lastL0Seq: seq,
    recentSnapshotMinSeq: seq,
    tree: { ...manifest.tree, l0, runs },
  }))
}
