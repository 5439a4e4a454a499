// Fences without rows are alike, whoever wrote them. On a store without metadata a writer could take another's for its
// own, and then miss what that other writer acknowledged behind it.

import { expect, test } from 'vitest'
import { openDb } from '../../src/db/open.ts'
import { parseSettings } from '../../src/db/settings.ts'
import { createEnv } from '../../src/env/system.ts'
import { storeError } from '../../src/errors.ts'
import { Paths } from '../../src/format/paths.ts'
import { MemoryStore } from '../../src/objects/memory-store.ts'
import { toBytes, toText } from '../model/bytes.ts'

test.each(['0.12', '0.13', '0.15'])(
  'a fence of a rival is not ours after a failed attempt (%s)',
  async (generation) => {
    const bucket = new MemoryStore()
    const settings = parseSettings({ formatGeneration: generation, flushInterval: null, garbageCollectorOptions: null })
    const open = (store: MemoryStore, seed: number) => openDb({ store, path: 'db', env: createEnv({ seed }), settings })
    await (await open(bucket, 1)).close()

    // Plain files carry no metadata. The rival opens and writes between our look at the log and our fence.
    const plain = new Proxy(bucket, {
      get(target, key) {
        if (key === 'capabilities') return { ...target.capabilities, metadata: false }
        if (key === 'put') return put
        const value = Reflect.get(target, key) as unknown
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const fence = new Paths('db').wal(2)
    let isRivalIn = false
    let attempts = 0
    const put: MemoryStore['put'] = async (path, body, options) => {
      if (!isRivalIn) {
        isRivalIn = true
        const rival = await open(bucket, 2)
        await rival.put(toBytes('key'), toBytes('acknowledged'))
        await rival.flush('wal')
        await rival.close({ flush: false })
      }
      if (path === fence && attempts++ === 0)
        throw storeError('Generic', path, 'connection reset before anything was sent')
      return bucket.put(path, body, options)
    }
    const ours = await open(plain, 3)
    expect(attempts).toBeGreaterThan(1)
    expect(toText((await ours.get(toBytes('key')))!)).toBe('acknowledged')
    await ours.put(toBytes('key'), toBytes('ours'))
    await ours.flush('wal')
    await ours.close()
  },
)
