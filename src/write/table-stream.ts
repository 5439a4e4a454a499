// A large table on its way to the store while it is still being built: finished blocks leave in parts, a few of them at
// once, so that memory is bounded by them and not by the table. The object appears whole with `complete`, or never.

import { isSlateDBError, unavailable } from '../errors.ts'
import type { Upload } from '../objects/store.ts'

const PART_BYTES = 8 * 1024 * 1024
const PARTS_AT_ONCE = 4

export class TableStream {
  readonly #upload: Upload
  #blocks: Uint8Array[] = []
  #bytes = 0
  readonly #inFlight = new Set<Promise<void>>()
  #failure: { error: unknown } | undefined

  constructor(upload: Upload) {
    this.#upload = upload
  }

  /** Takes blocks over; resolves when there is room for more. */
  async push(blocks: readonly Uint8Array[]): Promise<void> {
    for (const block of blocks) {
      this.#blocks.push(block)
      this.#bytes += block.length
      if (this.#bytes < PART_BYTES) continue
      this.#send()
      while (this.#inFlight.size >= PARTS_AT_ONCE) await Promise.race(this.#inFlight)
      if (this.#failure !== undefined) throw this.#failure.error
    }
  }

  /** The last blocks, and the object. */
  async complete(blocks: readonly Uint8Array[]): Promise<void> {
    await this.push(blocks)
    if (this.#bytes > 0) this.#send()
    await Promise.all(this.#inFlight)
    if (this.#failure !== undefined) throw this.#failure.error
    try {
      await this.#upload.complete()
    } catch (error) {
      throw lost(error)
    }
  }

  /** Drops what was sent. Nobody waits for it: a store that does not answer must not hold up the next attempt. */
  abort(): void {
    this.#blocks = []
    this.#upload.abort().catch(() => {})
  }

  #send(): void {
    const body = this.#blocks
    this.#blocks = []
    this.#bytes = 0
    const sent = this.#upload
      .part(body)
      .catch((error: unknown) => {
        this.#failure ??= { error: lost(error) }
      })
      .finally(() => this.#inFlight.delete(sent))
    this.#inFlight.add(sent)
  }
}

/** A store may have dropped an upload that took long; it is begun again, as after an outage. */
function lost(error: unknown): unknown {
  if (!isSlateDBError(error) || error.storeReason !== 'NotFound') return error
  return unavailable('UPLOAD_LOST', 'the store does not know the upload of a table any more', { cause: error })
}
