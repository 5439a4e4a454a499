import { describe, expect, test } from 'vitest'
import { fresh, invalid, text } from '../../test/support/fresh.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import { SlateDB } from './slatedb.ts'

describe('snapshots and transactions', () => {
  test('a snapshot stays as it was', async () => {
    const db = await fresh({ valueEncoding: 'utf8', durability: 'memory' })
    await db.put('a', '1')
    const snapshot = db.snapshot()
    await db.put('a', '2')
    await db.put('b', '3')
    expect(await snapshot.get('a')).toBe('1')
    expect(await snapshot.count()).toBe(1)
    expect(snapshot.seq).toBe(1n)
    snapshot[Symbol.dispose]()
    await expect(snapshot.get('a')).rejects.toEqual(invalid('SNAPSHOT_CLOSED'))
  })

  test('a transaction commits on return and rolls back on throw', async () => {
    const db = await fresh({ keyEncoding: 'utf8', valueEncoding: 'json' })
    await db.put('x', 1)
    const result = await db.transaction(async (tx) => {
      tx.put('x', ((await tx.get('x')) as number) + 1)
      tx.put('y', 5)
      expect(await tx.get('y')).toBe(5)
      expect(await db.get('y')).toBeUndefined()
      expect(await tx.scan().toArray()).toEqual([
        ['x', 2],
        ['y', 5],
      ])
      return 'done'
    })
    expect(result).toBe('done')
    expect(await db.get('x')).toBe(2)
    await expect(
      db.transaction((tx) => {
        tx.put('x', 99)
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect(await db.get('x')).toBe(2)
  })

  test('conflicts are run again, and lost updates do not happen', async () => {
    const db = await fresh({ keyEncoding: 'utf8', valueEncoding: 'json', durability: 'memory' })
    await db.put('n', 0)
    let runs = 0
    await Promise.all(
      Array.from({ length: 8 }, () =>
        db.transaction(
          async (tx) => {
            runs++
            tx.put('n', ((await tx.get('n')) as number) + 1)
          },
          { retries: 100 },
        ),
      ),
    )
    expect(await db.get('n')).toBe(8)
    expect(runs).toBeGreaterThan(8)
    const attempts: number[] = []
    await expect(
      db.transaction(
        async (tx) => {
          attempts.push(1)
          tx.put('n', 1)
          await db.put('n', 2)
        },
        { retries: 2 },
      ),
    ).rejects.toMatchObject({ kind: 'Transaction' })
    expect(attempts).toHaveLength(3)
  })

  test('serializable sees phantoms, snapshot does not', async () => {
    const db = await fresh({ keyEncoding: 'utf8', valueEncoding: 'utf8', durability: 'memory' })
    const run = async (isolation: 'snapshot' | 'serializable') => {
      const tx = db.begin({ isolation })
      expect(await tx.scan({ prefix: `${isolation}:` }).toArray()).toEqual([])
      tx.put(`mine-${isolation}`, 'x')
      await db.put(`${isolation}:new`, 'y')
      return tx.commit()
    }
    await expect(run('snapshot')).resolves.toBeDefined()
    await expect(run('serializable')).rejects.toMatchObject({ kind: 'Transaction' })
  })

  test('an aborted retry loop ends with the reason', async () => {
    const db = await fresh({ keyEncoding: 'utf8', valueEncoding: 'utf8', durability: 'memory' })
    const controller = new AbortController()
    const reason = new Error('stop')
    const running = db.transaction(
      async (tx) => {
        tx.put('n', 'x')
        await db.put('n', 'y')
        controller.abort(reason)
      },
      { retries: 1_000_000, signal: controller.signal },
    )
    await expect(running).rejects.toBe(reason)
  })

  test('markRead and unmarkWrite decide conflicts; a used transaction says so', async () => {
    const db = await fresh({ keyEncoding: 'utf8', valueEncoding: 'utf8', durability: 'memory' })
    const reader = db.begin()
    reader.markRead(['watched'])
    reader.put('other', '1')
    const careless = db.begin()
    careless.put('counter', '1')
    careless.unmarkWrite(['counter'])
    await db.batch().put('watched', 'x').put('counter', 'x').write()
    await expect(reader.commit()).rejects.toMatchObject({ kind: 'Transaction' })
    await careless.commit()
    expect(await db.get('counter')).toBe('1')
    await expect(careless.commit()).rejects.toMatchObject({ code: 'SLATEDB_TRANSACTION_COMPLETED' })
    expect(() => careless.put('a', 'b')).toThrow(/already been/)
    await expect(db.begin().commit()).resolves.toBeUndefined()
  })

  test('transactions end when disposed', async () => {
    const db = await fresh()
    const tx = db.begin()
    tx.put('a', '1')
    await tx[Symbol.asyncDispose]()
    expect(tx.ended).toBe(true)
    expect(await db.get('a')).toBeUndefined()
  })
})

describe('the handle', () => {
  test('a second writer fences the first, whose calls say why', async () => {
    const store = new MemoryStore()
    const first = await fresh({}, { store, path: 'db' })
    await first.put('a', '1')
    const second = await fresh({}, { store, path: 'db' })
    await expect(first.put('b', '2')).rejects.toMatchObject({
      kind: 'Closed',
      closeReason: 'Fenced',
      message: expect.stringMatching(/newer writer/),
    })
    expect(text(await second.get('a'))).toBe('1')
    expect(first.status.closeReason).toBe('Fenced')
    await expect(first.close()).rejects.toMatchObject({ closeReason: 'Fenced' })
  })

  test('a reader follows', async () => {
    const store = new MemoryStore()
    const db = await fresh({ valueEncoding: 'json' }, { store, path: 'db' })
    await db.put('a', 1)
    const reader = await SlateDB.openReader({ store, path: 'db' }, { valueEncoding: 'json', pollInterval: 5 })
    expect(await reader.get('a')).toBe(1)
    await db.put('b', 2)
    await expect.poll(() => reader.get('b')).toBe(2)
    expect(await reader.count()).toBe(2)
    await reader.close()
    await expect(reader.get('a')).rejects.toMatchObject({ kind: 'Closed' })
  })

  test('status is watched', async () => {
    const db = await fresh()
    const seen: bigint[] = []
    const off = db.on('status', (status) => seen.push(status.durableSeq))
    db.on('status', () => {
      throw new Error('a listener must not disturb')
    })
    const changes: bigint[] = []
    const watching = (async () => {
      for await (const status of db.statusChanges()) changes.push(status.durableSeq)
      return 'ended'
    })()
    await db.put('a', '1')
    await db.put('b', '2')
    expect(seen.at(-1)).toBe(2n)
    off()
    const before = seen.length
    await db.put('c', '3')
    expect(seen.length).toBe(before)
    await db.close()
    expect(await watching).toBe('ended')
    expect(changes[0]).toBe(0n)
    expect(changes.at(-1)).toBe(3n)
    await expect(db.get('a')).rejects.toMatchObject({ kind: 'Closed', closeReason: 'Clean' })
    await expect(db.close()).resolves.toBeUndefined()
    await db[Symbol.asyncDispose]()
  })

  test('metrics are numbers', async () => {
    const db = await fresh()
    await db.put('a', '1')
    await db.get('a')
    const metrics = db.metrics()
    expect(Object.values(metrics).every((value) => typeof value === 'number')).toBe(true)
    expect(metrics['slatedb.db.request_count{op="get"}']).toBe(1)
  })

  test.each([
    ['nothing:here', {}, /scheme/],
    ['data', {}, /has no scheme.*'\.\/data' or 'file:data'/],
    [{ store: 1, path: 'x' }, {}, /a location is a URL/],
    ['memory:', { valueEncodng: 'json' }, /no option "valueEncodng"; did you mean valueEncoding\?/],
    [
      'memory:',
      { settings: { flushIntervall: 1 } },
      /option settings: setting flushIntervall.*did you mean flushInterval/,
    ],
    ['memory:', { durability: 'disk' }, /durability must be/],
    ['memory:', { keyEncoding: 'xml' }, /keyEncoding must be/],
    ['memory:', { blockSize: 1000 }, /block size 1000/],
  ])('open(%j, %j) is refused', async (location, options, message) => {
    await expect(SlateDB.open(location as never, options as never)).rejects.toEqual(
      expect.objectContaining({ kind: 'Invalid', message: expect.stringMatching(message) }),
    )
  })

  test('memory: is a database of its own on each open', async () => {
    const a = await SlateDB.open('memory:', { settings: { flushInterval: 1 } })
    const b = await SlateDB.open('memory:///other')
    await a.put('k', 'v')
    expect(await b.get('k')).toBeUndefined()
    await a.close()
    await b.close()
  })
})
