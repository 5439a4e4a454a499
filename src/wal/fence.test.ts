import { expect, test } from 'vitest'
import { createEnv } from '../env/system.ts'
import { initialManifest } from '../format/manifest.ts'
import { Paths } from '../format/paths.ts'
import { type ManifestRecord, manifestVersions, writerManifest } from '../manifest/records.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import { fenceWal } from './fence.ts'

const paths = new Paths('db')

async function openRecord(store: MemoryStore): Promise<ManifestRecord> {
  const record = writerManifest(manifestVersions(store, createEnv({ seed: 1 }), paths))
  if ((await record.versions.readLatest()) === undefined) await record.versions.create(initialManifest())
  return record
}

const fence = (store: MemoryStore, manifest: ManifestRecord) =>
  fenceWal({
    env: createEnv(),
    manifest,
    store,
    paths,
    transformer: undefined,
    generation: async () => '0.15' as const,
  })

test('a fence made beside a claim that did not count fences nobody: another one follows the claim that does', async () => {
  const store = new MemoryStore()
  const manifest = await openRecord(store)
  let rivalsFence = 0
  const beginClaim = manifest.beginClaim.bind(manifest)
  manifest.beginClaim = async (options) => {
    const pending = await beginClaim(options)
    // While the boundary is read that refuses the claim, a rival claims and fences.
    const confirm = async () => {
      const rival = await openRecord(store)
      await store.put(paths.wal(1), new Uint8Array(0), { mode: 'create' }).catch(() => {})
      rivalsFence = (await fence(store, rival)).id
      await manifest.versions.readLatest()
      return 'conflict' as const
    }
    return { ...pending, confirm }
  }
  const ours = await fence(store, manifest)
  expect(rivalsFence).toBeGreaterThan(0)
  expect(ours.id).toBeGreaterThan(rivalsFence)
})

test('a fence that lands where a newer writer has been and its log was collected is told by the look after it', async () => {
  const store = new MemoryStore()
  const manifest = await openRecord(store)
  const put = store.put.bind(store)
  let isRivalIn = false
  store.put = async (path, body, options) => {
    if (path === paths.wal(1) && !isRivalIn) {
      isRivalIn = true
      // While this fence is on its way: a newer writer fences, flushes past the name, and the log is collected.
      const rival = await openRecord(store)
      const { id } = await fence(store, rival)
      await put(paths.wal(id + 1), new Uint8Array(200), { mode: 'create' })
      await rival.update((value) => ({ ...value, replayAfterWalId: id + 1, nextWalId: id + 2 }))
      for (const { path: name } of await store.list(paths.wals)) await store.delete(name)
    }
    return put(path, body, options)
  }
  await expect(fence(store, manifest)).rejects.toMatchObject({ kind: 'Closed', closeReason: 'Fenced' })
})
