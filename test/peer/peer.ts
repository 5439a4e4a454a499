// Speaks to the original in its child process.

import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Op, SeenRow } from '../model/model.ts'

interface PlainRow extends Omit<SeenRow, 'seq'> {
  readonly seq: number
}

const CHILD = fileURLToPath(new URL('./peer-child.mjs', import.meta.url))

export class Peer {
  #child: ChildProcess | undefined
  #nextId = 1
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()

  open(folder: string, settings: Record<string, unknown>, blockSize: string): Promise<void> {
    return this.#call('open', { folder, settings, blockSize })
  }

  write(ops: readonly Op[], single: boolean): Promise<{ seq: number; createTs: number }> {
    return this.#call('write', { ops, single })
  }

  flush(type: 'wal' | 'memtable'): Promise<void> {
    return this.#call('flush', { type })
  }

  async scan(): Promise<SeenRow[]> {
    return (await this.#call<PlainRow[]>('scan', {})).map(seen)
  }

  async reverse(): Promise<SeenRow[]> {
    return (await this.#call<PlainRow[]>('reverse', {})).map(seen)
  }

  async gets(keys: readonly string[]): Promise<(SeenRow | undefined)[]> {
    return (await this.#call<(PlainRow | undefined)[]>('gets', { keys })).map((row) => row && seen(row))
  }

  async read(folder: string): Promise<SeenRow[]> {
    return (await this.#call<PlainRow[]>('read', { folder })).map(seen)
  }

  close(): Promise<void> {
    return this.#call('close', {})
  }

  /** SIGKILL; the next call starts a new process. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.#child = undefined
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }

  #call<T>(command: string, args: Record<string, unknown>): Promise<T> {
    this.#child ??= this.#start()
    const id = this.#nextId++
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.#child!.send({ id, command, args })
    })
  }

  #start(): ChildProcess {
    const child = fork(CHILD, {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    child.on('message', (message: { id: number; result?: unknown; error?: string }) => {
      const call = this.#waiting.get(message.id)
      this.#waiting.delete(message.id)
      if (message.error === undefined) call?.resolve(message.result)
      else call?.reject(new Error(`the original says: ${message.error}`))
    })
    child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the process of the original has ended'))
      this.#waiting.clear()
    })
    return child
  }
}

const seen = (row: PlainRow): SeenRow => ({ ...row, seq: BigInt(row.seq) })
