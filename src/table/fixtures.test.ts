// Tables of other makers: rebuilt byte for byte from their rows, and read through the cache.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { EVERYTHING } from '../bytes/range.ts'
import { fromHex, toHex } from '../bytes/text.ts'
import { toBigInt } from '../bytes/u64.ts'
import { noCodec } from '../compress/codec.ts'
import { advance } from '../cursor/cursor.ts'
import { Row, rowValue } from '../cursor/row.ts'
import { createEnv } from '../env/system.ts'
import { bloomPolicy } from '../filter/bloom.ts'
import { type FilterPolicy, KeyHash } from '../filter/policy.ts'
import { fixedPrefix } from '../filter/prefix-extractor.ts'
import { decodeTableEnd } from '../format/footer.ts'
import { decodeManifest, type Manifest, type TableView } from '../format/manifest.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import { BlockCache } from './block-cache.ts'
import { TableBuilder } from './builder.ts'
import { openTableCursor } from './table-cursor.ts'
import { Tables } from './tables.ts'

const ROOT = new URL('../../test/fixtures/', import.meta.url).pathname

// biome-ignore lint/suspicious/noExplicitAny: what JSON.parse gives
type Json = any

async function load(folder: string): Promise<{ tables: Tables; manifest: Manifest; expected: Json; files: string[] }> {
  const store = new MemoryStore()
  const compacted = join(folder, 'store/db/compacted')
  const files = existsSync(compacted) ? readdirSync(compacted) : []
  for (const file of files)
    await store.put(file, new Uint8Array(readFileSync(join(compacted, file))), { mode: 'create' })
  const manifests = join(folder, 'store/db/manifest')
  const newest = readdirSync(manifests).sort().at(-1)!
  const manifest = decodeManifest(new Uint8Array(readFileSync(join(manifests, newest))), newest)
  const tables = new Tables({
    store,
    paths: { table: (id) => `${id}.sst` },
    cache: new BlockCache(),
    env: createEnv({ seed: 1 }),
    filterPolicies: [bloomPolicy()],
  })
  return { tables, manifest, expected: JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')), files }
}

function viewsOf(manifest: Manifest): TableView[] {
  return [manifest.tree, ...manifest.segments.map((segment) => segment.tree)].flatMap((tree) => [
    ...tree.l0,
    ...tree.runs.flatMap((run) => run.views),
  ])
}

/** The policy behind a name of the 0.18.0 cases, such as `_bf:p=fixed5:wh=0`. */
function policyOf(name: string, bitsPerKey: number): FilterPolicy {
  const [, prefix, only] = /^_bf(:p=fixed5)?(:wh=0)?$/.exec(name)!
  const prefixExtractor = prefix === undefined ? undefined : { ...fixedPrefix(5), name: 'fixed5' }
  return bloomPolicy({ bitsPerKey, prefixExtractor, wholeKey: only === undefined })
}

/** Other cases keep some of their rows in the WAL. */
const ALL_IN_TABLES = /synthetic.*\/(sst-|restart|composite|no-stats|full-index|manifest-v2|visible)/

for (const group of ['slatedb-0.12.1', 'slatedb-0.18.0', 'synthetic']) {
  const cases = readdirSync(join(ROOT, group), { withFileTypes: true }).filter((entry) => entry.isDirectory())
  describe(group, () => {
    test.each(cases.map((entry) => entry.name))('%s: live rows are found', async (name) => {
      const folder = join(ROOT, group, name)
      const { tables, manifest, expected, files } = await load(folder)
      const views = viewsOf(manifest).filter((view) => files.includes(`${view.table.id}.sst`))
      let found = 0
      for (const live of expected.live_rows) {
        const key = fromHex(live.key)
        const row = new Row()
        const query = { kind: 'point' as const, key, hash: new KeyHash(key) }
        for (const view of views) {
          const hit = await tables.get(tables.table(view.table), view.visibleRange, query, 0xffffffff, 0xffffffff, row)
          if (!hit || toBigInt(row.seqHi, row.seqLo) !== BigInt(live.seq) || row.kind !== 0) continue
          found++
          if (typeof live.value === 'string') expect(toHex(rowValue(row))).toBe(live.value)
          if (live.expire_ts !== null) expect(row.expireTs).toBe(Number(live.expire_ts))
          break
        }
      }
      if (ALL_IN_TABLES.test(folder)) expect(found).toBe(expected.live_rows.length)
      for (const view of views) {
        for (const descending of [false, true]) {
          const cursor = openTableCursor(tables, view, { range: EVERYTHING, descending })
          let rows = 0
          while (await advance(cursor)) rows++
          expect(rows).toBeGreaterThan(0)
        }
      }
    })

    if (group === 'synthetic') return
    test.each(cases.map((entry) => entry.name))('%s: rebuilt byte for byte', async (name) => {
      const { tables, expected, files } = await load(join(ROOT, group, name))
      // Aligned blocks are read, not written.
      if (expected.sst_block_alignment === true) return
      const settings = expected.settings ?? {}
      const bitsPerKey = expected.filter_bits_per_key ?? settings.filter_bits_per_key ?? 10
      const filterPolicies = ((expected.filter_policies ?? ['_bf']) as string[]).map((one) => policyOf(one, bitsPerKey))
      for (const file of files) {
        const bytes = new Uint8Array(readFileSync(join(ROOT, group, name, 'store/db/compacted', file)))
        const end = decodeTableEnd(bytes, bytes.length, file)
        if (typeof end === 'number' || end.info.codec !== 'none') continue
        const builder = new TableBuilder({
          blockSize: 1024 * Number(/^Block(\d+)Kib/.exec(expected.sst_block_size)![1]),
          codec: noCodec,
          filterPolicies,
          minFilterKeys: settings.min_filter_keys ?? 1000,
          filterFormat: end.info.filterFormat,
        })
        const ref = { id: file.slice(0, -4), info: end.info, formatVersion: end.formatVersion }
        const view = { table: ref, visibleRange: undefined }
        const cursor = openTableCursor(tables, view, { range: EVERYTHING, descending: false })
        while (await advance(cursor)) builder.add(cursor.row)
        const built = await builder.finish()
        expect(Buffer.compare(Buffer.concat([...built.body]), bytes), file).toBe(0)
      }
    })
  })
}
