// The child process of folder-store.test.ts and folder-staging.test.ts in src/node: works on a shared folder, and reports
// to its parent.

import { isStoreError } from '../../src/errors.ts'
import { openFolderStore } from '../../src/node/folder-store.ts'

const [root = '', task, name = '', count] = process.argv.slice(2)
const store = await openFolderStore(root, { sync: 'none' })
const steps = Number(count)

if (task === 'create') {
  let won = 0
  for (let i = 0; i < steps; i++) {
    try {
      await store.put(`object ${i}`, new TextEncoder().encode(name), { mode: 'create' })
      won++
    } catch (error) {
      if (!isStoreError(error, 'AlreadyExists')) throw error
    }
  }
  process.send?.(won, () => process.disconnect())
}

if (task === 'upload') {
  // Slow: it has begun, and goes on when the parent says so.
  const upload = await store.startUpload(name)
  await upload.part(new TextEncoder().encode('one '))
  process.once('message', async () => {
    await upload.part(new TextEncoder().encode('two'))
    await upload.complete()
    process.send?.('done', () => process.disconnect())
  })
  process.send?.('begun')
}

if (task === 'count') {
  for (let done = 0; done < steps; ) {
    const { bytes, etag } = await store.get('counter')
    const next = String(Number(new TextDecoder().decode(bytes)) + 1)
    try {
      await store.put('counter', new TextEncoder().encode(next), { mode: { ifMatch: etag! } })
    } catch (error) {
      if (isStoreError(error, 'Precondition')) continue
      throw error
    }
    // The parent counts a step as acknowledged once it heard of it.
    process.send?.(++done)
  }
  process.disconnect()
}
