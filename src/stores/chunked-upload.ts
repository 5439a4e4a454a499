// A large object written in parts: what the caller hands over is cut into chunks of one size (S3 wants at least 5 MiB,
// R2 wants them equal, GCS wants multiples of 256 KiB), a few are sent at once, and memory stays bounded because
// `part` waits while all places are taken. A small object never becomes a multipart upload: one PUT does.

import { concatBytes } from '../bytes/compare.ts'
import { assert, invalid } from '../errors.ts'
import type { Body, PutResult, RequestOptions, Upload } from '../objects/store.ts'

/** What a store must be able to do for parts. Part numbers begin at 1. */
export interface PartSink {
  /** The whole object in one request: used when it is smaller than one chunk. */
  single(body: Uint8Array, options: RequestOptions): Promise<PutResult>
  /** Called once, before the first part. */
  begin(options: RequestOptions): Promise<void>
  part(number: number, body: Uint8Array, options: RequestOptions): Promise<void>
  complete(partCount: number, last: Uint8Array | undefined, options: RequestOptions): Promise<PutResult>
  /** Called once if `begin` was; must not fail for an upload that is gone. */
  abort(): Promise<void>
}

export interface ChunkedUploadOptions {
  readonly path: string
  readonly chunkBytes: number
  /** Parts in flight. 1 keeps them in order. */
  readonly concurrency: number
  /** Set where the last part must be marked as the last: `complete` gets its bytes. */
  readonly holdLast?: boolean
}

export class ChunkedUpload implements Upload {
  readonly #sink: PartSink
  readonly #options: ChunkedUploadOptions
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  #partCount = 0
  #begun: Promise<void> | undefined
  readonly #inFlight = new Set<Promise<void>>()
  /** The last parts launched, as many as there are places. */
  readonly #recent: Promise<void>[] = []
  #failure: { error: unknown } | undefined
  #state: 'open' | 'completing' | 'ended' = 'open'

  constructor(sink: PartSink, options: ChunkedUploadOptions) {
    this.#sink = sink
    this.#options = options
  }

  /** Takes the bytes at once (they are copied); resolves when there is room for more. A failed part fails the upload. */
  async part(body: Body, options: RequestOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    this.#check()
    for (const piece of body instanceof Uint8Array ? [body] : body) this.#take(piece)
    this.#send(options)
    while (this.#inFlight.size >= this.#options.concurrency) await Promise.race(this.#inFlight)
    if (this.#failure !== undefined) throw this.#failure.error
  }

  async complete(options: RequestOptions = {}): Promise<PutResult> {
    this.#check()
    this.#state = 'completing'
    try {
      options.signal?.throwIfAborted()
      const result = await this.#finish(options)
      this.#state = 'ended'
      return result
    } catch (error) {
      await this.abort()
      throw error
    }
  }

  async abort(): Promise<void> {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#pending = []
    this.#pendingBytes = 0
    await Promise.all(this.#inFlight)
    if (this.#begun === undefined) return
    // Storage that is never asked for again costs money until a lifecycle rule removes it, but must not hide the error.
    await this.#begun.then(() => this.#sink.abort()).catch(() => {})
  }

  async #finish(options: RequestOptions): Promise<PutResult> {
    if (this.#begun === undefined) return this.#sink.single(this.#cut(this.#pendingBytes), options)
    const last = this.#pendingBytes > 0 ? this.#cut(this.#pendingBytes) : undefined
    if (last !== undefined && !this.#options.holdLast) this.#launch(last, options)
    await Promise.all(this.#inFlight)
    if (this.#failure !== undefined) throw this.#failure.error
    return this.#sink.complete(this.#partCount, this.#options.holdLast ? last : undefined, options)
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error
    if (this.#state !== 'open') {
      throw invalid(
        'UPLOAD_ENDED',
        `object ${JSON.stringify(this.#options.path)}: this upload was completed or aborted`,
      )
    }
  }

  #take(piece: Uint8Array): void {
    if (piece.length === 0) return
    // The port promises not to keep the caller's buffers once `part` settled.
    this.#pending.push(piece.slice())
    this.#pendingBytes += piece.length
  }

  #send(options: RequestOptions): void {
    const { chunkBytes, holdLast } = this.#options
    while (holdLast ? this.#pendingBytes > chunkBytes : this.#pendingBytes >= chunkBytes) {
      this.#launch(this.#cut(chunkBytes), options)
    }
  }

  #launch(chunk: Uint8Array, options: RequestOptions): void {
    const number = ++this.#partCount
    this.#begun ??= this.#sink.begin(options)
    // Each waits for the one that many places before it: never more at once, and in order where there is one place.
    const before = this.#recent.length < this.#options.concurrency ? undefined : this.#recent.shift()
    const sent = Promise.all([this.#begun, before])
      .then(() => (this.#failure === undefined ? this.#sink.part(number, chunk, options) : undefined))
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .finally(() => this.#inFlight.delete(sent))
    this.#inFlight.add(sent)
    this.#recent.push(sent)
  }

  /** The next `length` pending bytes as one buffer. */
  #cut(length: number): Uint8Array {
    assert(length <= this.#pendingBytes, 'a chunk is cut from bytes that are there')
    const pieces: Uint8Array[] = []
    let missing = length
    while (missing > 0) {
      const head = this.#pending[0]!
      if (head.length <= missing) {
        pieces.push(head)
        this.#pending.shift()
        missing -= head.length
      } else {
        pieces.push(head.subarray(0, missing))
        this.#pending[0] = head.subarray(missing)
        missing = 0
      }
    }
    this.#pendingBytes -= length
    return pieces.length === 1 ? pieces[0]! : concatBytes(pieces)
  }
}
