// The local folder as a store, where there is a disk: for processes only, since a page cannot even load it.

import { SlateDB } from '../../../../src/index.ts'
import { openFolderStore } from '../../../../src/node/folder-store.ts'
import { storeSuite } from '../../../../src/sim/index.ts'
import { failsAs, same } from './expect.ts'
import type { Checks, World } from './world.ts'

export function folderChecks({ folder }: World): Checks {
  const checks: Checks = new Map()
  let count = 0
  storeSuite('FolderStore', async () => ({ store: await openFolderStore(`${folder}/store-${count++}`) }), {
    test: (name, body) => checks.set(name, body),
    capabilities: {
      createIfAbsent: true,
      compareAndSet: true,
      metadata: false,
      suffixRange: true,
      listStartAfter: true,
    },
    unicode: true,
    racers: 40,
    listSize: 60,
    largeBytes: 4 << 20,
    partBytes: 1 << 20,
  })
  checks.set('a database in a folder: written, fenced, reopened', async () => {
    const location = `file:${folder}/database`
    const options = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const
    const first = await SlateDB.open(location, options)
    await Promise.all(Array.from({ length: 50 }, (_, i) => first.put(`key ${i}`, `value ${i}`)))
    await first.flush('memtable')
    const second = await SlateDB.open(location, options)
    const error = await failsAs('Closed', first.put('late', 'x'), 'a write of the first')
    same(error.closeReason, 'Fenced', 'why')
    await second.put('key 50', 'value 50')
    await second.close()
    const reader = await SlateDB.openReader(location, options)
    same([await reader.count(), await reader.get('key 50')], [51, 'value 50'], 'what is there')
    await reader.close()
  })
  return checks
}
