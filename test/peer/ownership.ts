// One database in one folder, owned in turn by us and by the original, with a clean close or a kill at the end of each
// turn. The model judges what the next owner, a reader of ours and a reader of the original find there. Where the original
// is known to be wrong it is not asked (descending scans over its sorted runs; trust.md row 6).

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDb } from '../../src/db/open.ts'
import { openReader } from '../../src/db/reader.ts'
import { parseSettings } from '../../src/db/settings.ts'
import { Random } from '../../src/env/random.ts'
import { openFolderStore } from '../../src/node/folder-store.ts'
import { WriteBatch } from '../../src/write/batch.ts'
import { expectEverywhere, scanAll } from '../compat/read-all.ts'
import { append } from '../model/append.ts'
import { toBytes } from '../model/bytes.ts'
import { Model, type Op, type SeenRow } from '../model/model.ts'
import { Operations } from '../model/operations.ts'
import { killable } from './killable-store.ts'
import type { Peer } from './peer.ts'

const ROUNDS = 6
const CODECS = [null, 'snappy', 'zlib', 'lz4', 'zstd'] as const
const BLOCK_SIZES = [1, 2, 4, 8, 16, 32, 64] as const
/** 2100: no row expires while a test runs. */
const FAR = 4_102_444_800_000

export interface Tally {
  commits: number
  kills: number
  compactedRuns: number
}

/** What both kinds of owner can do. */
interface Owner {
  scan(): Promise<SeenRow[]>
  write(ops: readonly Op[], single: boolean): Promise<{ seq: number; createTs: number }>
  flush(type: 'wal' | 'memtable'): Promise<void>
  /** Reads in more ways than one and throws when they disagree. */
  readAll(rows: readonly SeenRow[]): Promise<void>
  close(): Promise<void>
  kill(): Promise<void>
}

export async function alternateOwners(seed: number, peer: Peer): Promise<Tally> {
  const folder = await mkdtemp(join(tmpdir(), 'ownership-'))
  try {
    return await new Ownership(seed, peer, folder).run()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

class Ownership {
  readonly #random: Random
  readonly #peer: Peer
  readonly #folder: string
  readonly #model = new Model()
  readonly #operations: Operations
  readonly #compacts: boolean
  readonly #tally: Tally = { commits: 0, kills: 0, compactedRuns: 0 }
  #watermark = 0
  #log: string[] = []

  constructor(seed: number, peer: Peer, folder: string) {
    this.#random = new Random(`ownership ${seed}`)
    this.#peer = peer
    this.#folder = folder
    this.#operations = new Operations(this.#random.fork('operations'), { ttl: false })
    this.#compacts = this.#random.chance(0.25)
  }

  async run(): Promise<Tally> {
    const peerFirst = this.#random.chance(0.5)
    for (let round = 0; round < ROUNDS; round++) {
      const isPeer = (round % 2 === 0) === peerFirst
      try {
        await this.#round(isPeer)
      } catch (error) {
        const who = isPeer ? 'the original' : 'ours'
        throw new Error(
          `round ${round + 1}, owner ${who}: ${(error as Error).message}\n  ${this.#log.slice(-30).join('\n  ')}`,
          {
            cause: error,
          },
        )
      }
    }
    return this.#tally
  }

  async #round(isPeer: boolean): Promise<void> {
    const random = this.#random
    const owner = isPeer ? await this.#openPeer() : await this.#openOurs()
    const found = await owner.scan()
    await owner.readAll(found)
    this.#adopt(found)
    let first = true
    for (let i = random.int(3, 25); i > 0; i--) {
      const ops = this.#ops()
      const handle = await owner.write(ops, ops.length === 1 && random.chance(0.6))
      // Now it is known which commit was the last that the owner found.
      if (first) this.#model.truncate(handle.seq - 1)
      first = false
      this.#model.commit(ops, BigInt(handle.seq), handle.createTs)
      this.#note(`seq ${handle.seq}: ${ops.map((op) => `${op.kind} ${op.key.slice(0, 12)}`).join(', ')}`)
      this.#tally.commits++
      if (random.chance(0.2)) await this.#flush(owner, random.pick(['wal', 'memtable']))
    }
    if (isPeer && this.#compacts) {
      for (let i = 0; i < 4; i++) {
        const ops = this.#ops()
        const handle = await owner.write(ops, false)
        this.#model.commit(ops, BigInt(handle.seq), handle.createTs)
        await this.#flush(owner, 'memtable')
      }
      await new Promise((resolve) => setTimeout(resolve, 400))
    }
    this.#judge('the owner at its end', await owner.scan())
    if (random.chance(0.5)) {
      await owner.close()
      this.#watermark = this.#model.lastSeq
      this.#note('closed')
    } else {
      await owner.kill()
      this.#tally.kills++
      this.#note('killed')
    }
    await this.#readers()
  }

  /** Whoever only reads must see a durable prefix too, before anybody opens the database again. */
  async #readers(): Promise<void> {
    const store = await openFolderStore(this.#folder, { sync: 'none' })
    const reader = await openReader({ store, path: 'db', mergeOperator: append })
    const rows = await scanAll(reader)
    await expectEverywhere(reader, rows)
    this.#tally.compactedRuns += reader.manifest.value.tree.runs.length
    await reader.close()
    this.#judge('our reader', rows, this.#watermark)
    this.#judge("the original's reader", await this.#peer.read(this.#folder), this.#watermark)
  }

  async #flush(owner: Owner, type: 'wal' | 'memtable'): Promise<void> {
    await owner.flush(type)
    this.#watermark = this.#model.lastSeq
    this.#note(`flushed the ${type}`)
  }

  /** The state is that of one prefix with everything acknowledged; the model forgets the rest. */
  #adopt(rows: readonly SeenRow[]): void {
    const seq = this.#judge('the new owner', rows, this.#watermark)
    this.#model.truncate(seq)
    this.#note(`opened at seq ${seq}`)
  }

  /** The greatest sequence number, not below `from`, whose state is `rows`. */
  #judge(who: string, rows: readonly SeenRow[], from = this.#model.lastSeq): number {
    const model = this.#model
    let complaint: string | undefined
    for (let at = model.entries.length - 1; at >= -1; at--) {
      const seq = model.entries[at]?.seq ?? 0
      if (seq < from) break
      const wrong = model.scanComplaint(rows, { seq })
      if (wrong === undefined) return seq
      complaint ??= wrong
    }
    throw new Error(`${who} sees no state between seq ${from} (acknowledged) and ${model.lastSeq}: ${complaint}`)
  }

  /** Distinct keys: a batch of the original may store two rows of one key under one sequence number (format.md 5.3). */
  #ops(): Op[] {
    const random = this.#random
    const ttl = random.pick(['default', 'none', { at: FAR }, { after: FAR }] as const)
    const byKey = new Map(
      this.#operations.batch(0, random.pick([1, 1, 1, 4, 20])).map((op) => [op.key, { ...op, ttl }]),
    )
    return [...byKey.values()].map((op) =>
      op.kind === 'put' && random.chance(0.02)
        ? { ...op, value: op.value.padEnd(random.int(20_000, 300_000), 'large ') }
        : op,
    )
  }

  async #openOurs(): Promise<Owner> {
    const random = this.#random
    const folder = await openFolderStore(this.#folder, { sync: 'none' })
    const handle = killable(folder)
    const blockSize = random.pick(BLOCK_SIZES) * 1024
    const codec = random.pick(CODECS)
    this.#note(`ours opens, blocks of ${blockSize}, ${codec}`)
    const db = await openDb({
      store: handle.store,
      path: 'db',
      blockSize,
      mergeOperator: append,
      settings: parseSettings({
        formatGeneration: '0.12',
        flushInterval: null,
        minFilterKeys: random.pick([1, 10, 1000]),
        compressionCodec: codec,
        l0MaxSsts: 1000,
        l0MaxSstsPerKey: 1000,
        compactorOptions: null,
        garbageCollectorOptions: null,
      }),
    })
    return {
      scan: () => scanAll(db),
      write: async (ops, single) => {
        const written = await (single ? writeSingle(ops[0]!) : db.write(batchOf(ops)))
        return { seq: Number(written.seq), createTs: written.createTs }
      },
      flush: (type) => db.flush(type),
      readAll: (rows) => expectEverywhere(db, rows),
      close: () => db.close(),
      kill: async () => {
        handle.kill()
        await new Promise((resolve) => setTimeout(resolve, 5))
      },
    }

    function writeSingle(op: Op) {
      const [key, value] = [toBytes(op.key), toBytes(op.value)]
      return op.kind === 'delete' ? db.delete(key) : db[op.kind](key, value, { ttl: op.ttl })
    }
  }

  async #openPeer(): Promise<Owner> {
    const random = this.#random
    const peer = this.#peer
    const blockSize = `Block${random.pick(BLOCK_SIZES)}Kib`
    const codec = random.pick(['Snappy', 'Zlib', 'Lz4', 'Zstd', null])
    const settings = {
      flush_interval: null,
      min_filter_keys: random.pick([1, 10, 1000]),
      compression_codec: codec,
      l0_max_ssts: 1000,
      garbage_collector_options: null,
      ...(this.#compacts ? { 'compactor_options.poll_interval': '50ms' } : { compactor_options: null }),
    }
    this.#note(`the original opens, ${blockSize}, ${codec}`)
    await peer.open(this.#folder, settings, blockSize)
    return {
      scan: () => peer.scan(),
      write: (ops, single) => peer.write(ops, single),
      flush: (type) => peer.flush(type),
      readAll: async (rows) => {
        const missing = (await peer.gets(rows.map((row) => row.key))).findIndex(
          (row, at) => row?.value !== rows[at]!.value,
        )
        if (missing >= 0)
          throw new Error(`the original's get disagrees with its scan on ${JSON.stringify(rows[missing]!.key)}`)
        if (this.#compacts) return
        const reverse = (await peer.reverse()).map((row) => row.key).reverse()
        if (reverse.join() !== rows.map((row) => row.key).join())
          throw new Error("the original's reverse scan disagrees")
      },
      close: () => peer.close(),
      kill: () => peer.kill(),
    }
  }

  #note(text: string): void {
    this.#log.push(text)
  }
}

function batchOf(ops: readonly Op[]): WriteBatch {
  const batch = new WriteBatch()
  for (const { kind, key, value, ttl } of ops) {
    if (kind === 'delete') batch.delete(toBytes(key))
    else batch[kind](toBytes(key), toBytes(value), { ttl })
  }
  return batch
}
