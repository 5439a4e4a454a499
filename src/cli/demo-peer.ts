// The most convincing line of the demo: the original engine opens the same folder and reads the same rows. It runs in a
// process of its own, so that its native library never meets ours.

import { createHash, type Hash } from 'node:crypto'
import { folderOf } from '../node/open-file.ts'

/** Rows and a digest over all keys and values in order: equal digests mean equal contents. */
export interface Digest {
  readonly rows: number
  readonly sha256: string
}

export class Digester {
  readonly #hash: Hash = createHash('sha256')
  #rows = 0

  add(key: Uint8Array, value: Uint8Array): void {
    this.#rows++
    this.#hash.update(`${key.length} ${value.length} `)
    this.#hash.update(key)
    this.#hash.update(value)
  }

  done(): Digest {
    return { rows: this.#rows, sha256: this.#hash.digest('hex') }
  }
}

/** True when the official binding is installed. */
export function peerInstalled(): boolean {
  try {
    import.meta.resolve('@slatedb/uniffi')
    return true
  } catch {
    return false
  }
}

/** Reads every row with `@slatedb/uniffi`. */
export async function digestWithPeer(url: string): Promise<Digest> {
  const { DbReaderBuilder, ObjectStore } = await import('@slatedb/uniffi')
  const store = ObjectStore.resolve('file:///')
  const builder = new DbReaderBuilder(folderOf(url).replace(/^\/+/, ''), store)
  const reader = await builder.build()
  const digester = new Digester()
  const rows = await reader.scan({ start: undefined, start_inclusive: false, end: undefined, end_inclusive: false })
  for (let row = await rows.next(); row !== undefined; row = await rows.next()) digester.add(row.key, row.value)
  await reader.shutdown()
  return digester.done()
}
