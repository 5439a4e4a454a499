// An object of the log whose index does not directly follow its blocks: our builder leaves such a gap when rows compress
// beyond all measure (format/wal-limits.ts), and the original reads over it.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { concatBytes } from '../../src/bytes/compare.ts'
import { decodeTableEnd, encodeTableEnd } from '../../src/format/footer.ts'
import { Peer } from './peer.ts'

test('the original reads a log object with a gap between its blocks and its index', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'log-gap-'))
  const peer = new Peer()
  try {
    await peer.open(folder, { compactor_options: null, garbage_collector_options: null }, 'Block4Kib')
    await peer.write([{ kind: 'put', key: 'a', value: '1'.repeat(6000), ttl: 'none' }], false)
    await peer.flush('wal')
    const before = await peer.scan()
    expect(before.length).toBe(1)
    await peer.kill()

    const log = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.includes('wal/') && statSync(join(folder, name)).size > 6000)
      .map((name) => join(folder, name))
    expect(log.length).toBe(1)
    const object = new Uint8Array(readFileSync(log[0]!))
    const end = decodeTableEnd(object, object.length, 'log')
    if (typeof end === 'number') throw new Error('the object was read whole')
    const { indexOffset, indexLength, filterOffset } = end.info
    const gap = 10_000
    const blocks = object.subarray(0, filterOffset)
    const index = object.subarray(indexOffset, indexOffset + indexLength)
    const info = { ...end.info, indexOffset: filterOffset + gap }
    const size = filterOffset + gap + indexLength
    writeFileSync(log[0]!, concatBytes([blocks, new Uint8Array(gap), index, encodeTableEnd(info, size)]))

    expect(await peer.read(folder)).toEqual(before)
    await peer.open(folder, { compactor_options: null, garbage_collector_options: null }, 'Block4Kib')
    expect(await peer.scan()).toEqual(before)
    await peer.close()
  } finally {
    await peer.kill()
    rmSync(folder, { recursive: true, force: true })
  }
})
