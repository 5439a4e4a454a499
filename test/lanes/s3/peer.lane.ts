// Taking turns with the original over S3: the Rust engine (through its Node binding) and ours on one bucket.

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DbBuilder, type Db as PeerDb, ObjectStore as PeerStore } from '@slatedb/uniffi'
import { afterAll, describe, test } from 'vitest'
import { EVERYTHING } from '../../../src/bytes/range.ts'
import { decodeUtf8, encodeUtf8 } from '../../../src/bytes/text.ts'
import type { Db } from '../../../src/db/db.ts'
import { openDb } from '../../../src/db/open.ts'
import { defaultSettings, type Settings } from '../../../src/db/settings.ts'
import { isSlateDBError } from '../../../src/errors.ts'
import { check, same, settled } from '../../../src/sim/check.ts'
import { S3Store } from '../../../src/stores/s3.ts'
import { cacheFolder, provide } from '../lane.ts'
import { KEYS, startMoto } from './servers.ts'

// The generation that the binding's Rust 0.12.1 reads and writes.
const SETTINGS: Settings = { ...defaultSettings, formatGeneration: '0.12', flushInterval: 20 }

const server = await provide('moto', startMoto)
if (server !== undefined) {
  const bucket = await server.bucket()
  const store = () => new S3Store({ bucket, endpoint: server.endpoint, credentials: KEYS })

  // The binding takes its store from variables; they stay set for this process, so there is one bucket for all tests.
  const file = join(cacheFolder('work'), `peer-${process.pid}.env`)
  const variables = {
    CLOUD_PROVIDER: 'aws',
    AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
    AWS_BUCKET: bucket,
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT: server.endpoint,
    AWS_ALLOW_HTTP: 'true',
  }
  writeFileSync(
    file,
    Object.entries(variables)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
  const peerStore = PeerStore.from_env(file)
  rmSync(file)

  const openOurs = (path: string): Promise<Db> => openDb({ store: store(), path, settings: SETTINGS })
  const openPeer = (path: string): Promise<PeerDb> => new DbBuilder(path, peerStore).build()
  const putOurs = async (db: Db, key: string, value: string) =>
    (await db.put(encodeUtf8(key), encodeUtf8(value))).durable
  const putPeer = (db: PeerDb, key: string, value: string) => db.put(encodeUtf8(key), encodeUtf8(value))

  async function readOurs(db: Db): Promise<Map<string, string>> {
    const rows = new Map<string, string>()
    const scan = db.scan(EVERYTHING)
    for (let row = await scan.next(); row !== undefined; row = await scan.next()) {
      rows.set(decodeUtf8(row.key), decodeUtf8(row.value))
    }
    return rows
  }

  describe(`the original and we on moto ${server.version}`, () => {
    afterAll(() => server.stop())

    test('take turns: each reads what the other wrote', async () => {
      const path = 'turns/db'
      const all = new Map<string, string>()
      for (let turn = 0; turn < 6; turn++) {
        const [who, key] = [turn % 2 === 0 ? 'peer' : 'ours', (i: number) => `key-${turn}-${i}`]
        if (who === 'peer') {
          const db = await openPeer(path)
          for (const [name, value] of all) {
            const got = await db.get(encodeUtf8(name))
            same(got === undefined ? undefined : decodeUtf8(got), value, `${name} as the original reads it`)
          }
          for (let i = 0; i < 10; i++) await putPeer(db, key(i), `${who} ${i}`)
          await db.shutdown()
        } else {
          const db = await openOurs(path)
          const rows = await readOurs(db)
          same([...rows].sort(), [...all].sort(), 'what we read')
          await Promise.all(Array.from({ length: 10 }, (_, i) => putOurs(db, key(i), `${who} ${i}`)))
          await db.close({ flush: turn === 3 ? 'wal' : 'memtable' })
        }
        for (let i = 0; i < 10; i++) all.set(key(i), `${who} ${i}`)
      }
    })

    test('of two live writers exactly one survives, and no acknowledged write is lost', async () => {
      const path = 'rivals/db'
      const acknowledged = new Map<string, string>()
      for (let round = 0; round < 3; round++) {
        const peerFirst = round % 2 === 0
        const [peer, ours] = peerFirst
          ? [await openPeer(path), await openOurs(path)]
          : await openOurs(path).then(async (db) => [await openPeer(path), db] as const)
        const writes = Array.from({ length: 8 }, (_, i) => [`${round}-p${i}`, `${round}-o${i}`] as const)
        const survived = { peer: true, ours: true }
        for (const [peerKey, oursKey] of writes) {
          const [byPeer, byUs] = await Promise.all([
            survived.peer ? settled(putPeer(peer, peerKey, 'peer')) : undefined,
            survived.ours ? settled(putOurs(ours, oursKey, 'ours')) : undefined,
          ])
          if (byPeer?.ok) acknowledged.set(peerKey, 'peer')
          else survived.peer = false
          if (byUs?.ok) acknowledged.set(oursKey, 'ours')
          else if (byUs !== undefined) {
            const fenced = isSlateDBError(byUs.error) && byUs.error.closeReason === 'Fenced'
            check(fenced, `us to fail as Fenced, not as ${byUs.error}`)
            survived.ours = false
          }
        }
        same(survived, { peer: !peerFirst, ours: peerFirst }, `who survived round ${round}: the one that opened last`)
        await settled(peer.shutdown())
        await settled(ours.close())
      }
      const db = await openOurs(path)
      const rows = await readOurs(db)
      for (const [key, value] of acknowledged) same(rows.get(key), value, `${key}, which was acknowledged`)
      await db.close()
      const peer = await openPeer(path)
      for (const [key, value] of acknowledged) {
        const got = await peer.get(encodeUtf8(key))
        same(got === undefined ? undefined : decodeUtf8(got), value, `${key} as the original reads it`)
      }
      await peer.shutdown()
    })
  })
}
