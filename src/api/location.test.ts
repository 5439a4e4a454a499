import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { MemoryStore } from '../objects/memory-store.ts'
import { resolveLocation } from './location.ts'
import { SlateDB } from './slatedb.ts'

test('memory, with and without a path', async () => {
  for (const [url, path] of [
    ['memory:', 'db'],
    ['memory:///', 'db'],
    ['memory:app', 'app'],
    ['memory:///a/b/', 'a/b'],
    ['MEMORY:x', 'x'],
  ] as const) {
    const location = await resolveLocation(url)
    expect(location.path, url).toBe(path)
    expect(location.store).toBeInstanceOf(MemoryStore)
  }
})

test('a store and a path are taken as they are', async () => {
  const location = { store: new MemoryStore(), path: 'x' }
  expect(await resolveLocation(location)).toBe(location)
})

test('a bucket and a path in it', async () => {
  const { store, path } = await resolveLocation('s3://bucket/some/app', {
    environment: { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'do-not-print', AWS_REGION: 'eu-central-1' },
  })
  expect(path).toBe('some/app')
  expect(store.describe()).toContain('bucket')
  expect(store.describe()).not.toContain('do-not-print')
})

test('a folder keeps what was written, between two opens', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'slatedb-location-'))
  try {
    const url = pathToFileURL(join(folder, 'app'))
    const db = await SlateDB.open(url, { valueEncoding: 'json' })
    await db.put('a', { b: 1 })
    await db.close()
    const again = await SlateDB.open(url.href, { valueEncoding: 'json' })
    expect(await again.get('a')).toEqual({ b: 1 })
    await again.close()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test.each(['https//user:canary@host/p', '//user:canary@host/p', './data?token=canary', 'user@x:canary@y/z'])(
  'a location without a scheme is refused without showing what may be a password: %s',
  async (location) => {
    const error = await resolveLocation(location).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ kind: 'Invalid' })
    expect(String(error)).not.toContain('canary')
  },
)

test('a reader of a folder that is not there makes none', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'slatedb-location-'))
  await expect(SlateDB.openReader(`file:${folder}/no/such/db`)).rejects.toMatchObject({ name: 'SlateDBError' })
  expect(readdirSync(folder)).toEqual([])
  rmSync(folder, { recursive: true })
})
