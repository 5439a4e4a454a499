// The port to object storage: what an engine needs of S3, GCS, Azure Blob, R2, a folder or memory (protocols.md
// section 1), and nothing more. Stores throw `storeError(...)` of errors.ts; they do not retry, wrappers do.

/** What a store guarantees. `false` where the guarantee cannot be had on this store. */
export interface Capabilities {
  /** OS-1: put with mode 'create' is atomic: of two racing creates exactly one succeeds. */
  readonly createIfAbsent: boolean
  /** OS-2: put with `ifMatch` is an atomic compare-and-set. */
  readonly compareAndSet: boolean
  /** OS-6: metadata given to put is returned by head and get. */
  readonly metadata: boolean
  /** OS-4: `{ suffix }` ranges are served correctly; otherwise callers ask head for the size first. */
  readonly suffixRange: boolean
  /** list honours `startAfter` on the server; otherwise it is filtered after the fact. */
  readonly listStartAfter: boolean
}

/** Half-open [start, end); without `end` to the object's end; or the last `suffix` bytes. */
export type ByteRange = { readonly start: number; readonly end?: number } | { readonly suffix: number }

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined
}

export interface GetOptions extends RequestOptions {
  /** A range that ends behind the object is cut; one that starts at or behind its end fails with `Generic`. */
  readonly range?: ByteRange | undefined
  /** OS-5: fails with `NotModified` when the object's etag equals this. */
  readonly ifNoneMatch?: string | undefined
  /** CA-9: a cache on the way must fetch anew, because its copy did not check out. */
  readonly refetch?: boolean
}

export interface ObjectInfo {
  /** Full name inside the store, no leading slash. */
  readonly path: string
  readonly size: number
  /** Milliseconds since 1970, the store's clock. */
  readonly lastModified: number
  readonly etag?: string | undefined
}

export interface HeadResult extends ObjectInfo {
  /** User metadata; keys in lower case. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
}

export interface GetResult {
  /** Exactly the bytes of the range asked for (cut at the object's end). Owned by the caller. */
  readonly bytes: Uint8Array
  /** Size of the whole object. */
  readonly size: number
  readonly etag?: string | undefined
  readonly lastModified?: number | undefined
}

/** 'overwrite', 'create' (fails with AlreadyExists), or compare-and-set on an etag (fails with Precondition). */
export type PutMode = 'overwrite' | 'create' | { readonly ifMatch: string }

export interface PutOptions extends RequestOptions {
  readonly mode: PutMode
  /** Nobody changes the body any more, so a store in memory may keep it instead of a copy. */
  readonly owned?: boolean | undefined
  /**
   * Another writer could send the very same bytes, and only one of the two may believe that its write took effect. So
   * `retrying` does not go by the bytes: where the store keeps no metadata, a write of one's own whose answer got lost
   * is reported as a conflict.
   */
  readonly anonymous?: boolean | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
}

export interface PutResult {
  readonly etag?: string | undefined
}

/**
 * One buffer, or several that are written back to back. The store never changes them, and does not keep them after it
 * settled unless they were given to it (`PutOptions.owned`).
 */
export type Body = Uint8Array | readonly Uint8Array[]

export interface ListOptions extends RequestOptions {
  /** Only names strictly greater than this full name. */
  readonly startAfter?: string | undefined
}

/** A large object written in parts, with bounded memory. */
export interface Upload {
  /** Parts are numbered by call order; several may be in flight. */
  part(body: Body, options?: RequestOptions): Promise<void>
  /** The object appears whole, or not at all. */
  complete(options?: RequestOptions): Promise<PutResult>
  /** Drops all parts. Never fails for an upload that is already gone. */
  abort(): Promise<void>
}

export interface ObjectStore {
  readonly capabilities: Capabilities
  /** Fails with NotFound, NotModified. */
  get(path: string, options?: GetOptions): Promise<GetResult>
  head(path: string, options?: RequestOptions): Promise<HeadResult>
  /** Fails with AlreadyExists or Precondition as `mode` says. */
  put(path: string, body: Body, options: PutOptions): Promise<PutResult>
  /** Success also when there was nothing (OS-9). */
  delete(path: string, options?: RequestOptions): Promise<void>
  /**
   * Every object whose name starts with `prefix`, names ascending as bytes; all pages. Pass a folder with its slash.
   */
  list(prefix: string, options?: ListOptions): Promise<ObjectInfo[]>
  startUpload?(path: string, options?: Omit<PutOptions, 'mode'>): Promise<Upload>
  /** OS-8: server-side copy. */
  copy?(from: string, to: string, options?: RequestOptions): Promise<void>
  /** Human-readable, without secrets: shown by describe and doctor. */
  describe(): string
}

export function bodySize(body: Body): number {
  if (body instanceof Uint8Array) return body.length
  let size = 0
  for (const part of body) size += part.length
  return size
}

/** The absolute [start, end) that `range` means in an object of `size` bytes. */
export function resolveRange(range: ByteRange | undefined, size: number): [start: number, end: number] {
  if (range === undefined) return [0, size]
  if ('suffix' in range) return [Math.max(0, size - range.suffix), size]
  return [range.start, Math.min(range.end ?? size, size)]
}
