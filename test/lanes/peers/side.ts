// One of the two engines at work on a database: the original or ours, in this process or in one that can be killed. All
// speak the same few commands; the processes speak them as lines of JSON.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { isSlateDBError } from '../../../src/errors.ts'
import type { Bounds, Op, SeenRow } from '../../model/model.ts'
import { cacheFolder } from '../lane.ts'

/** Settings by the newest snake_case names, which both engines take. */
export type SideSettings = Readonly<Record<string, unknown>>

export interface OpenSide {
  /** The folder that is the object store. */
  readonly root: string
  readonly path: string
  readonly settings?: SideSettings | undefined
  readonly blockSize?: number | undefined
  /** The original only: segments by this many first bytes of the key. */
  readonly segment?: number | undefined
  /** Releases with `alignedBlocks` only: data blocks are padded to the block size. */
  readonly aligned?: boolean | undefined
}

export interface Written {
  readonly seq: number
  readonly createTs: number
}

/** Readers of old releases give only the value. */
export type Got = SeenRow | Pick<SeenRow, 'key' | 'value'> | undefined

export interface Side {
  readonly name: string
  readonly isOriginal: boolean
  open(options: OpenSide): Promise<void>
  openReader(options: Pick<OpenSide, 'root' | 'path' | 'segment'>): Promise<void>
  /** Each inner list is one batch, written in order. */
  write(batches: readonly (readonly Op[])[], durable: boolean): Promise<Written[]>
  flush(type: 'wal' | 'memtable'): Promise<void>
  get(keys: readonly string[]): Promise<Got[]>
  scan(bounds: Bounds, descending: boolean): Promise<SeenRow[]>
  close(): Promise<void>
}

/** An error of the other process. */
export class SideError extends Error {
  readonly kind: string
  readonly reason: string | undefined

  constructor(side: string, failure: { kind: string; reason?: string | null; message: string }) {
    super(`${side}: ${failure.kind}${failure.reason ? ` (${failure.reason})` : ''}: ${failure.message}`)
    this.kind = failure.kind
    this.reason = failure.reason ?? undefined
  }
}

/** True for what a writer says that was overtaken. */
export function isFenced(error: unknown): boolean {
  if (error instanceof SideError) return error.kind === 'Closed' && error.reason?.toUpperCase() === 'FENCED'
  return isSlateDBError(error) && error.closeReason === 'Fenced'
}

/** No command of these tests takes seconds. */
const PATIENCE_MS = 30_000

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A side in a process of its own. Commands are answered in order. */
export class SideProcess implements Side {
  readonly name: string
  readonly isOriginal: boolean
  readonly #child: ChildProcess
  readonly #waiting: Waiting[] = []
  readonly #ended: Promise<void>
  #end: string | undefined

  constructor(name: string, command: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.name = name
    this.isOriginal = name !== 'ours'
    const errors = openSync(join(cacheFolder('logs'), `side-${name.replaceAll(' ', '-')}.log`), 'a')
    const child = spawn(command, [...args], { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', errors] })
    closeSync(errors)
    running.add(child)
    this.#child = child
    // A command written to a process that just died is answered by its end.
    child.stdin!.on('error', () => {})
    this.#ended = new Promise((resolve) => {
      const ended = (how: string) => {
        this.#end ??= how
        running.delete(child)
        for (const one of this.#waiting.splice(0)) one.reject(new Error(`${name} ${how}`))
        resolve()
      }
      child.once('error', (error) => ended(`did not start: ${error.message}`))
      child.once('exit', (code, signal) => ended(`ended with ${signal ?? code}`))
    })
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const one = this.#waiting.shift()
      const answer = JSON.parse(line)
      if (answer.error === undefined) one?.resolve(answer.ok)
      else one?.reject(new SideError(name, answer.error))
    })
  }

  async open(options: OpenSide): Promise<void> {
    await this.command('open', { ...options })
  }

  async openReader({ root, path, segment }: Pick<OpenSide, 'root' | 'path' | 'segment'>): Promise<void> {
    await this.command('openReader', { root, path, segment })
  }

  write(batches: readonly (readonly Op[])[], durable: boolean): Promise<Written[]> {
    return this.command('write', { batches, durable }) as Promise<Written[]>
  }

  async flush(type: 'wal' | 'memtable'): Promise<void> {
    await this.command('flush', { type })
  }

  async get(keys: readonly string[]): Promise<Got[]> {
    return ((await this.command('get', { keys })) as (JsonRow | null)[]).map((row) =>
      row === null ? undefined : rowOf(row),
    )
  }

  async scan(bounds: Bounds, descending: boolean): Promise<SeenRow[]> {
    return ((await this.command('scan', { bounds, descending })) as JsonRow[]).map((row) => rowOf(row) as SeenRow)
  }

  /** Closes the handle; the process stays, and may open another. */
  async close(): Promise<void> {
    await this.command('close', {})
  }

  command(name: string, parameters: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (this.#end !== undefined) return Promise.reject(new Error(`${this.name} ${this.#end}`))
    return new Promise((resolve, reject) => {
      const patience = setTimeout(() => {
        reject(new Error(`${this.name} did not answer ${name} within ${PATIENCE_MS / 1000} s`))
      }, PATIENCE_MS)
      const done = <T>(end: (value: T) => void) => {
        return (value: T) => {
          clearTimeout(patience)
          end(value)
        }
      }
      this.#waiting.push({ resolve: done(resolve), reject: done(reject) })
      this.#child.stdin!.write(`${JSON.stringify({ do: name, ...parameters })}\n`)
    })
  }

  /** Ends the process at once, whatever it is doing. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }
}

interface JsonRow {
  readonly key: string
  readonly value: string
  readonly seq?: number
  readonly createTs: number
  readonly expireTs: number | null
}

function rowOf({ key, value, seq, createTs, expireTs }: JsonRow): Exclude<Got, undefined> {
  if (seq === undefined) return { key, value }
  return { key, value, seq: BigInt(seq), createTs, expireTs: expireTs ?? undefined }
}
