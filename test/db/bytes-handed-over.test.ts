// Bytes that cross the API belong to one side only. What a call was given may be overwritten as soon as it has returned,
// Node Buffers (whose slices are views) included; what a read gave may be handed on to an API that takes the memory away.

import { expect, test } from 'vitest'
import { prefixRange } from '../../src/bytes/range.ts'
import { MemoryStore, type Reader, SlateDB, type Snapshot, type Transaction } from '../../src/index.ts'

type Handle = SlateDB | Reader | Snapshot | Transaction
type Bytes = (text: string) => Uint8Array
type ReadCall = (handle: Handle, bytes: Bytes) => Promise<unknown>

const ROWS = 300
const KINDS: Record<string, Bytes> = {
  Uint8Array: (text) => Uint8Array.from(Buffer.from(text)),
  Buffer: (text) => Buffer.from(text),
}
const memory = { durability: 'memory' } as const
const keyOf = (i: number) => `k${String(i).padStart(4, '0')}`

/** A database whose rows are in tables, and handles that keep no block: every read has to wait. */
async function cold(): Promise<{ db: SlateDB; reader: Reader }> {
  const location = { store: new MemoryStore(), path: 'db' }
  const writer = await SlateDB.open(location)
  for (const part of [writer, writer.sub('part')]) {
    await part.batch(Array.from({ length: ROWS }, (_, i) => ({ type: 'put', key: keyOf(i), value: `v${i}` })))
  }
  await writer.close()
  return {
    db: await SlateDB.open(location, { cache: false }),
    reader: await SlateDB.openReader(location, { cache: false }),
  }
}

const HANDLES: Record<string, (opened: { db: SlateDB; reader: Reader }) => Handle> = {
  database: ({ db }) => db,
  reader: ({ reader }) => reader,
  snapshot: ({ db }) => db.snapshot(),
  'part of a database': ({ db }) => db.sub('part'),
  transaction: ({ db }) => db.begin({ isolation: 'serializable' }),
  'transaction with writes': ({ db }) => {
    const tx = db.begin()
    tx.put(keyOf(9), 'own')
    return tx
  },
}

const READS: Record<string, ReadCall> = {
  get: (handle, bytes) => handle.get(bytes('k0007')),
  getRow: (handle, bytes) => handle.getRow(bytes('k0007')),
  getMany: (handle, bytes) => handle.getMany([bytes('k0007'), bytes('k0250'), bytes('k0009')]),
  has: (handle, bytes) => handle.has(bytes('k0007')),
  'scan from a key': (handle, bytes) => handle.scan({ gte: bytes('k0290') }).toArray(),
  'scan up to a key': (handle, bytes) => handle.scan({ gt: bytes('k0280'), lt: bytes('k0285') }).toArray(),
  'scan in reverse': (handle, bytes) => handle.scan({ lte: bytes('k0003'), reverse: true }).toArray(),
  'scan of a prefix': (handle, bytes) => handle.scan({ prefix: bytes('k029') }).toArray(),
  count: (handle, bytes) => handle.count({ gte: bytes('k0290'), lte: bytes('k0295') }),
  seek: async (handle, bytes) => {
    const scan = handle.scan({ gte: bytes('k0001') })
    const first = scan.next()
    await first
    const sought = scan.seek(bytes('k0250'))
    return [await first, sought, await scan.next()]
  },
}

/** Runs the call, overwrites everything it was given as soon as it has returned, and awaits what it gives. */
function overwritten<T>(call: (bytes: Bytes) => Promise<T>, kind: Bytes): Promise<T> {
  const given: Uint8Array[] = []
  const result = call((text) => {
    const bytes = kind(text)
    given.push(bytes)
    return bytes
  })
  for (const bytes of given) bytes.fill(0x7a)
  return result
}

const plain = async (result: Promise<unknown>) =>
  JSON.stringify(await result, (name, one) => (name === 'createTs' || typeof one === 'bigint' ? undefined : one))

test.each(Object.keys(HANDLES))('reads of a %s keep no bytes that they were given', async (name) => {
  const open = HANDLES[name]!
  const untouched = open(await cold())
  for (const [kind, make] of Object.entries(KINDS)) {
    const handle = open(await cold())
    for (const [read, call] of Object.entries(READS)) {
      const expected = await plain(call(untouched, KINDS.Uint8Array!))
      expect(await plain(overwritten((bytes) => call(handle, bytes), make)), `${read} with ${kind}`).toBe(expected)
    }
  }
})

const WRITES: Record<string, (db: SlateDB, bytes: Bytes) => Promise<unknown>> = {
  put: (db, bytes) => db.put(bytes('k0001'), bytes('new'), memory),
  delete: (db, bytes) => db.delete(bytes('k0001'), memory),
  merge: (db, bytes) => db.merge(bytes('k0001'), bytes('+'), memory),
  batch: (db, bytes) =>
    db.batch(
      [
        { type: 'put', key: bytes('k0002'), value: bytes('new') },
        { type: 'delete', key: bytes('k0001') },
        { type: 'merge', key: bytes('k0003'), value: bytes('+') },
      ],
      memory,
    ),
  'chained batch': (db, bytes) =>
    db.batch().put(bytes('k0002'), bytes('new')).delete(bytes('k0001')).merge(bytes('k0003'), bytes('+')).write(memory),
  transaction: (db, bytes) => {
    const tx = db.begin()
    tx.put(bytes('k0002'), bytes('new'))
    tx.delete(bytes('k0001'))
    return tx.commit(memory)
  },
  'clear from a key': (db, bytes) => db.clear({ gte: bytes('k0250') }, memory),
  'clear of a prefix': (db, bytes) => db.clear({ prefix: bytes('k02'), lt: bytes('50') }, memory),
}

test.each(Object.keys(WRITES))('%s keeps no bytes that it was given', async (name) => {
  const outcome = async (part: boolean, make: Bytes, call: typeof overwritten) => {
    const location = { store: new MemoryStore(), path: 'db' }
    const writer = await SlateDB.open(location)
    const rows = Array.from({ length: ROWS }, (_, i) => ({ type: 'put' as const, key: keyOf(i), value: 'old' }))
    await (part ? writer.sub('part') : writer).batch(rows)
    await writer.close()
    const db = await SlateDB.open(location, {
      mergeOperator: (_key, base, operand) => Buffer.concat([base ?? Buffer.of(), operand]),
    })
    await call((bytes) => WRITES[name]!(part ? db.sub('part') : db, bytes), make)
    const left = await db.scan({}, { keyEncoding: 'utf8', valueEncoding: 'utf8' }).toArray()
    await db.close({ flush: false })
    return left
  }
  for (const part of [false, true]) {
    const expected = await outcome(part, KINDS.Uint8Array!, (call, make) => call(make))
    for (const make of Object.values(KINDS)) expect(await outcome(part, make, overwritten)).toEqual(expected)
  }
})

test.each(Object.keys(KINDS))('a transaction keeps its own copy of keys that it read or marked: %s', async (kind) => {
  const { db } = await cold()
  const steps: Record<string, (tx: Transaction, key: Uint8Array) => unknown> = {
    get: (tx, key) => tx.get(key),
    getMany: (tx, key) => tx.getMany([key]),
    scan: (tx, key) => tx.scan({ gte: key, lte: key }).toArray(),
    markRead: (tx, key) => tx.markRead([key]),
  }
  for (const [name, step] of Object.entries(steps)) {
    const key = KINDS[kind]!('k0001')
    const tx = db.begin({ isolation: 'serializable' })
    const read = step(tx, key)
    key.fill(0x7a)
    await read
    await db.put('k0001', 'other', memory)
    tx.put('else', 'where')
    await expect(tx.commit(memory), name).rejects.toMatchObject({ kind: 'Transaction' })
  }
  const tx = db.begin()
  const key = KINDS[kind]!('k0001')
  tx.unmarkWrite([key])
  key.fill(0x7a)
  tx.put('k0001', 'mine')
  await db.put('k0001', 'other', memory)
  await expect(tx.commit(memory)).resolves.toBeDefined()
})

test.each(Object.keys(KINDS))('prefixRange leaves its argument as it was and shares nothing with it: %s', (kind) => {
  const prefix = KINDS[kind]!('ab')
  const range = prefixRange(prefix)
  expect(Buffer.from(prefix).toString()).toBe('ab')
  prefix.fill(0x7a)
  expect(Buffer.from(range.start!.key).toString()).toBe('ab')
  expect(Buffer.from(range.end!.key).toString()).toBe('ac')
})

const TAKERS: Record<string, (bytes: Uint8Array<ArrayBuffer>) => unknown> = {
  'a transfer list': (bytes) => structuredClone(bytes, { transfer: [bytes.buffer] }),
  'a byte stream': (bytes) =>
    new ReadableStream({
      type: 'bytes',
      start(controller) {
        controller.enqueue(bytes)
        controller.close()
      },
    }),
}

/** Gives the memory away; a runtime may refuse. */
function handOn(bytes: Uint8Array, taker: string): void {
  try {
    TAKERS[taker]!(bytes as Uint8Array<ArrayBuffer>)
  } catch {
    // Refused: then it is still here.
  }
}

const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes!).toString()

test.each(Object.keys(TAKERS))('a value handed to %s leaves values of other reads as they were', async (taker) => {
  const { db, reader } = await cold()
  for (const handle of [db, reader, db.snapshot(), db.begin(), db.sub('part')]) {
    const values = []
    for (let i = 0; i < 6; i++) values.push(await handle.get(keyOf(i)))
    values.push(...(await handle.getMany([keyOf(6), keyOf(7)])))
    for (const [i, value] of values.entries()) {
      expect(text(value)).toBe(`v${i}`)
      handOn(value!, taker)
    }
  }
})

test('values too long for memory of their own stay where one of them is named in a transfer list', async () => {
  const { db } = await cold()
  const long = 'x'.repeat(500)
  await db.put('long', long, memory)
  // Enough of them that they share memory, and a turn for what guards it to be loaded.
  for (let i = 0; i < 400; i++) await db.get('long')
  await new Promise((resolve) => setTimeout(resolve, 50))
  const values = await Promise.all([db.get('long'), db.get('long'), db.get('long')])
  for (const value of values) {
    expect(text(value)).toBe(long)
    handOn(value!, 'a transfer list')
  }
  expect(text(await db.get('long'))).toBe(long)
})

test.each(Object.keys(TAKERS))('rows of a scan handed to %s leave the rest of the scan whole', async (taker) => {
  const { db, reader } = await cold()
  const long = 'x'.repeat(200)
  for (let i = 0; i < ROWS; i++) await db.put(keyOf(i), long, memory)
  for (const handle of [db, db.snapshot(), db.begin()]) {
    let i = 0
    for await (const [key, value] of handle.scan({ prefix: 'k' })) {
      expect([text(key), text(value)]).toEqual([keyOf(i++), long])
      handOn(key, taker)
      handOn(value, taker)
    }
    expect(i).toBe(ROWS)
    const scan = handle.scan({ prefix: 'k' })
    const first = await scan.next()
    handOn(first![0], taker)
    await scan.seek(keyOf(200))
    expect(text((await scan.next())![0])).toBe(keyOf(200))
    await expect(scan.seek(keyOf(200))).rejects.toMatchObject({ code: 'SLATEDB_SEEK_BACKWARDS' })
  }
  for await (const row of reader.scan({ prefix: 'k' }).rows()) {
    expect(text(row.value)).toMatch(/^v/)
    handOn(row.key, taker)
    handOn(row.value, taker)
  }
})

test('a merge operator that reuses its result buffer changes no row that was read before', async () => {
  const result = new Uint8Array(4)
  const db = await SlateDB.open(
    { store: new MemoryStore(), path: 'db' },
    {
      mergeOperator: (_key, _base, operand) => {
        result.set(operand)
        return result
      },
    },
  )
  for (const [key, operand] of Object.entries({ a: 'aaaa', b: 'bbbb' })) {
    await db.put(key, '....', memory)
    await db.merge(key, operand, memory)
  }
  expect((await db.scan().toArray()).map(([, value]) => text(value))).toEqual(['aaaa', 'bbbb'])
})
