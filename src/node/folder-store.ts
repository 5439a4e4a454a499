// A folder as an object store: objects are plain files named like the keys, so the original's local store reads and
// writes the same folder (format.md section 2). A write goes to `<name>#<digits>` beside its final place, is fsynced,
// and then gets its name in one step: link() when the name must be new, rename() when it replaces. Safe for several
// processes on one machine; folder-claims.ts says how replacing is kept atomic. Network file systems are not supported:
// their hard links and caches do not keep these promises.

import { constants } from 'node:fs'
import { copyFile, type FileHandle, link, lstat, open, rename, unlink } from 'node:fs/promises'
import { sep } from 'node:path'
import { sleep } from '../env/env.ts'
import { systemRandom } from '../env/random.ts'
import { systemClock } from '../env/system.ts'
import { invalid, isStoreError, storeError } from '../errors.ts'
import {
  type Body,
  bodySize,
  type Capabilities,
  type GetOptions,
  type GetResult,
  type HeadResult,
  type ListOptions,
  type ObjectInfo,
  type ObjectStore,
  type PutMode,
  type PutOptions,
  type PutResult,
  type RequestOptions,
  type Upload,
} from '../objects/store.ts'
import { checkPath, checkPrefix } from '../objects/store-path.ts'
import { checkRange, servedRange } from '../objects/store-range.ts'
import { busyError, claim } from './folder-claims.ts'
import { codeOf, folderError, linkError } from './folder-errors.ts'
import { Folders, parentOf } from './folder-folders.ts'
import { FolderRoot } from './folder-root.ts'
import { ownerDigits, Staged, sweepStaged } from './folder-staging.ts'
import { FolderSync } from './folder-sync.ts'
import { etagOf, type FileState, STAGING_NAME, statFile, walk } from './folder-walk.ts'

/** How long to wait for another process that is changing the same object; it needs about a millisecond. */
const CLAIM_WAIT_MS = 10_000

export interface FolderStoreOptions {
  /**
   * 'full' (the default): a write is on the disk when it settles. 'none': it survives the end of the process, but
   * perhaps not a loss of power.
   */
  readonly sync?: 'full' | 'none'
  /** 'now' (the default): the folder is made when it is not there. 'on write': the first write makes it. */
  readonly create?: 'now' | 'on write'
}

/** Opens `root` as a store. */
export async function openFolderStore(root: string, options: FolderStoreOptions = {}): Promise<FolderStore> {
  const store = new FolderStore(await FolderRoot.find(root), options)
  if (options.create !== 'on write') await store.makeRoot()
  return store
}

/** See {@link openFolderStore}. */
export class FolderStore implements ObjectStore {
  readonly capabilities: Capabilities = {
    createIfAbsent: true,
    compareAndSet: true,
    metadata: false,
    suffixRange: true,
    listStartAfter: true,
  }

  /** The folder, an absolute name. */
  readonly root: string
  readonly #root: FolderRoot
  readonly #durable: boolean
  readonly #sync = new FolderSync()
  readonly #folders: Folders
  readonly #random = systemRandom()
  readonly #owner = ownerDigits(process.pid)
  /** Folders in which this handle has looked for what crashed writers left. */
  readonly #swept = new Set<string>()
  #stamps = this.#random.int(0, 999)

  constructor(root: FolderRoot, options: FolderStoreOptions) {
    this.root = root.path
    this.#root = root
    this.#durable = options.sync !== 'none'
    this.#folders = new Folders(root.path, (parent) => this.#syncFolder(parent))
  }

  /** Makes the folder of the store and those above it. */
  makeRoot(): Promise<void> {
    return this.#root.make((folder) => this.#syncFolder(folder))
  }

  async get(path: string, options: GetOptions = {}): Promise<GetResult> {
    checkRange(path, options.range)
    return this.#doing('read it', path, options, async (file) => {
      if (!(await this.#folders.has(path))) throw missing(path)
      const handle = await open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
      try {
        const found = await handle.stat({ bigint: true })
        if (!found.isFile()) throw missing(path)
        const etag = etagOf(found)
        if (options.ifNoneMatch === etag) throw storeError('NotModified', path, 'the etag is unchanged')
        const size = Number(found.size)
        const [start, end] = servedRange(path, options.range, size)
        const bytes = await readFully(handle, path, start, end)
        return { bytes, size, etag, lastModified: Number(found.mtimeMs) }
      } finally {
        await handle.close()
      }
    })
  }

  head(path: string, options: RequestOptions = {}): Promise<HeadResult> {
    return this.#doing('look at it', path, options, async (file) => {
      const found = (await this.#folders.has(path)) ? await statFile(file) : undefined
      if (found === undefined) throw missing(path)
      return infoOf(path, found)
    })
  }

  put(path: string, body: Body, options: PutOptions): Promise<PutResult> {
    return this.#writing(path, options, async (file) => {
      const staged = await Staged.create(file, this.#owner, this.#random)
      try {
        await staged.write(body, 0)
        options.signal?.throwIfAborted()
        return await this.#publish(path, file, staged, options.mode)
      } finally {
        await staged.end()
      }
    })
  }

  delete(path: string, options: RequestOptions = {}): Promise<void> {
    return this.#doing('delete it', path, options, async (file) => {
      if (!(await this.#folders.has(path))) return
      const removed = await this.#change(path, file, undefined, async () => {
        await unlink(file).catch(ignoreMissing)
        return true
      })
      if (removed) await this.#syncFolder(parentOf(file))
    })
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ObjectInfo[]> {
    options.signal?.throwIfAborted()
    checkPrefix(prefix)
    try {
      if (!(await this.#folders.has(prefix))) {
        await this.#root.check()
        return []
      }
      const info = async (path: string) => {
        const found = await statFile(`${this.root}/${path}`)
        return found === undefined ? undefined : infoOf(path, found)
      }
      const found = await walk(this.root, prefix, options.startAfter ?? '', info, options.signal)
      if (found.length === 0) await this.#root.check()
      return found
    } catch (error) {
      throw folderError(error, prefix, 'list it')
    }
  }

  startUpload(path: string, options: Omit<PutOptions, 'mode'> = {}): Promise<Upload> {
    return this.#writing(path, options, async (file) =>
      this.#upload(path, file, await Staged.create(file, this.#owner, this.#random)),
    )
  }

  async copy(from: string, to: string, options: RequestOptions = {}): Promise<void> {
    // Looked at first: a missing source must not end up as an error about the target.
    await this.head(from, options)
    await this.#writing(to, options, async (file) => {
      const staged = await Staged.create(file, this.#owner, this.#random)
      try {
        await copyFile(`${this.root}/${from}`, staged.name, constants.COPYFILE_FICLONE)
        await this.#publish(to, file, staged, 'overwrite')
      } finally {
        await staged.end()
      }
    })
  }

  describe(): string {
    return `folder ${this.root}`
  }

  #upload(path: string, file: string, staged: Staged): Upload {
    let size = 0
    let open = true
    const failures: unknown[] = []
    const writing = new Set<Promise<void>>()
    const request = <T>(options: RequestOptions | undefined, work: () => Promise<T>): Promise<T> =>
      this.#doing('write it', path, options ?? {}, async () => {
        if (!open) throw invalid('UPLOAD_ENDED', `object ${JSON.stringify(path)}: this upload was completed or aborted`)
        return work()
      })
    const abort = async () => {
      open = false
      await Promise.allSettled(writing)
      await staged.end()
    }
    return {
      part: (body, options) =>
        request(options, async () => {
          // Its place is taken before anything is awaited, so that parts may be written side by side.
          const at = size
          size += bodySize(body)
          const write = staged.write(body, at)
          writing.add(write)
          try {
            await write
          } catch (error) {
            failures.push(error)
            throw error
          } finally {
            writing.delete(write)
          }
        }),
      complete: (options) =>
        request(options, async () => {
          await Promise.allSettled(writing)
          if (failures.length > 0) throw failures[0]
          const result = await this.#publish(path, file, staged, 'overwrite').catch((error) => {
            throw this.#vanished(path, error)
          })
          await abort()
          return result
        }),
      abort,
    }
  }

  /** Gives a written file its name. */
  async #publish(path: string, file: string, staged: Staged, mode: PutMode): Promise<PutResult> {
    // Kernels stamp files with a clock of some milliseconds; the etag needs a finer one.
    this.#stamps = (this.#stamps + 1) % 1000
    let stamp = await staged.stamp(systemClock.now() * 1000 + this.#stamps)
    if (this.#durable) await staged.handle.sync()
    for (;;) {
      if (typeof mode === 'string') {
        if (await linkNew(path, staged, file)) break
        if (mode === 'create') {
          // It may be there from an attempt of ours whose name could not be made durable.
          if (this.#durable) await this.#sync.settle(parentOf(file))
          throw storeError('AlreadyExists', path, 'it exists already')
        }
      }
      const expected = typeof mode === 'string' ? undefined : mode.ifMatch
      const replaced = await this.#change(path, file, expected, async (current) => {
        if (stamp.mtimeNs <= current.mtimeNs) {
          // Modification times of one name only grow, or a version could seem to return.
          stamp = await staged.stamp(Number(current.mtimeNs / 1000n + 1n))
          if (this.#durable) await staged.handle.sync()
        }
        await rename(staged.name, file).catch(async (error) => {
          if (!(await staged.isAt(file))) throw error
        })
        return true
      })
      // Not there to be replaced: deleted since link() failed, so link() may succeed now.
      if (replaced) break
    }
    await this.#syncFolder(parentOf(file))
    return { etag: stamp.etag }
  }

  /** Runs `act` while nobody else changes `file`; undefined when there is no file. See folder-claims.ts. */
  async #change<T>(
    path: string,
    file: string,
    expected: string | undefined,
    act: (current: FileState) => Promise<T>,
  ): Promise<T | undefined> {
    const giveUpAt = systemClock.monotonic() + CLAIM_WAIT_MS
    for (;;) {
      const current = await statFile(file)
      if (expected !== undefined && current?.etag !== expected) {
        throw storeError('Precondition', path, `its etag is ${current?.etag ?? 'none'}, expected ${expected}`)
      }
      if (current === undefined) return undefined
      const held = await claim(file, current.etag)
      if ('busy' in held) {
        if (systemClock.monotonic() > giveUpAt) throw busyError(path, held.busy)
        await sleep(systemClock, 1 + this.#random.float() * 4)
        continue
      }
      let moved = false
      try {
        if ((await statFile(file))?.etag === current.etag) {
          const result = await act(current)
          moved = true
          return result
        }
      } finally {
        await held.release(moved)
      }
    }
  }

  async #syncFolder(folder: string): Promise<void> {
    if (this.#durable) await this.#sync.sync(folder)
  }

  #writing<T>(path: string, options: Omit<PutOptions, 'mode'>, work: (file: string) => Promise<T>): Promise<T> {
    return this.#doing('write it', path, options, async (file) => {
      if (options.metadata !== undefined && Object.keys(options.metadata).length > 0) {
        throw storeError('NotSupported', path, 'plain files carry no metadata')
      }
      try {
        await this.makeRoot()
        await this.#folders.make(path)
        this.#sweep(parentOf(file))
        return await work(file)
      } catch (error) {
        throw this.#vanished(path, error)
      }
    })
  }

  /** Whoever writes into a folder clears it up, once, and does not wait for that; who only reads changes nothing. */
  #sweep(folder: string): void {
    if (this.#swept.has(folder)) return
    this.#swept.add(folder)
    sweepStaged(folder, systemClock.now()).catch(() => {})
  }

  /** A write that lost its footing may be tried again. */
  #vanished(path: string, error: unknown): unknown {
    if (codeOf(error) !== 'ENOENT') return error
    this.#folders.forget()
    this.#root.forget()
    return storeError('Generic', path, 'its folder or its unfinished file was removed while it was written', {
      cause: error,
    })
  }

  async #doing<T>(what: string, path: string, options: RequestOptions, work: (file: string) => Promise<T>): Promise<T> {
    options.signal?.throwIfAborted()
    checkPath(path)
    checkFileName(path)
    try {
      return await work(`${this.root}/${path}`)
    } catch (error) {
      const found = folderError(error, path, what)
      if (isStoreError(found, 'NotFound')) await this.#root.check()
      throw found
    }
  }
}

/** False when the name is taken by another object. Exact: an error of link() does not say that it had no effect. */
async function linkNew(path: string, staged: Staged, file: string): Promise<boolean> {
  try {
    await link(staged.name, file)
    return true
  } catch (error) {
    if (await staged.isAt(file)) return true
    if (codeOf(error) === 'EPERM') throw storeError('NotSupported', path, 'this file system has no hard links')
    if (codeOf(error) !== 'EEXIST') throw error
  }
  const there = await lstat(file).catch(ignoreMissing)
  if (there?.isDirectory()) throw storeError('InvalidPath', path, 'a folder has this name')
  if (there?.isSymbolicLink()) throw linkError(path)
  return false
}

async function readFully(handle: FileHandle, path: string, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start)
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, start + done)
    if (bytesRead === 0) throw storeError('Generic', path, 'the file became shorter while it was read')
    done += bytesRead
  }
  return bytes
}

function checkFileName(path: string): void {
  if (STAGING_NAME.test(path)) {
    throw storeError('InvalidPath', path, 'names that end in # and digits are those of unfinished files; use another')
  }
  if (sep === '\\' && /[\\:*?"<>|]|[. ](\/|$)/.test(path)) {
    throw storeError('InvalidPath', path, 'Windows cannot hold a file of this name; use another')
  }
}

function infoOf(path: string, { size, lastModified, etag }: FileState): ObjectInfo {
  return { path, size, lastModified, etag }
}

const missing = (path: string) => storeError('NotFound', path, 'it does not exist')

function ignoreMissing(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error
}
