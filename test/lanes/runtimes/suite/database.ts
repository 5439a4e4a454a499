// The public face over a store in memory: everything a user does in the first hour.

import { MemoryStore, mergeOperators, SlateDB, type StoreLocation, WriteBatch } from '../../../../src/index.ts'
import { check, failsAs, same } from './expect.ts'
import type { Checks, World } from './world.ts'

const OPTIONS = {
  keyEncoding: 'utf8',
  valueEncoding: 'utf8',
  mergeOperator: mergeOperators.append,
  settings: { flushInterval: '5ms' },
} as const

type TextDB = SlateDB<string, string>

const open = (location: StoreLocation): Promise<TextDB> => SlateDB.open(location, OPTIONS)
const place = (): StoreLocation => ({ store: new MemoryStore(), path: 'db' })

export function databaseChecks({ note }: World): Checks {
  return new Map([
    ['writes of every kind are read back: at once, after a flush to L0, after close and reopen', writeAndRead],
    ['scans: forward, reverse, a prefix, bounds, a limit, a stream, a loop that is left early', scans],
    ['a snapshot and a transaction see one moment; a conflict is a Transaction error and is retried', moments],
    ['a second open fences the first: Closed, Fenced', fencing],
    ['a reader follows the writer', reading],
    ['misuse is a typed error', misuse],
    ['await using closes the database', async () => note('await using', await disposing())],
  ])
}

async function writeAndRead(): Promise<void> {
  const where = place()
  let db = await open(where)
  const expected = new Map<string, string>()
  for (let i = 0; i < 400; i++) {
    const [key, value] = [`key/${String((i * 7919) % 300).padStart(3, '0')}`, `${i} ${'ä'.repeat(i % 50)}`]
    if (i % 11 === 0) {
      await db.delete(key, { durability: 'memory' })
      expected.delete(key)
    } else if (i % 7 === 0) {
      await db.merge(key, '+', { durability: 'memory' })
      expected.set(key, `${expected.get(key) ?? ''}+`)
    } else {
      await db.put(key, value, { durability: 'memory' })
      expected.set(key, value)
    }
  }
  await db.batch([
    { type: 'put', key: 'batch/1', value: 'one' },
    { type: 'put', key: 'batch/2', value: 'two' },
    { type: 'del', key: 'batch/1' },
  ])
  expected.set('batch/2', 'two')
  const batch = new WriteBatch()
  batch.put(new TextEncoder().encode('batch/3'), new TextEncoder().encode('three'))
  await db.write(batch)
  expected.set('batch/3', 'three')
  const rows = [...expected].sort(([a], [b]) => (a < b ? -1 : 1))

  await holds(db, rows, 'in memory')
  await db.flush('memtable')
  await holds(db, rows, 'in L0')
  await db.put('last', 'in the log')
  await db.close()
  db = await open(where)
  await holds(db, [...rows, ['last', 'in the log']], 'after a reopen')
  await db.close()
}

async function holds(db: TextDB, rows: (readonly [string, string])[], when: string): Promise<void> {
  same(await db.scan().toArray(), rows, `scan ${when}`)
  same(await db.count(), rows.length, `count ${when}`)
  same(
    await db.getMany(rows.map(([key]) => key)),
    rows.map(([, value]) => value),
    `getMany ${when}`,
  )
  for (const [key, value] of rows.slice(0, 20)) same(await db.get(key), value, `get ${key} ${when}`)
  same(await db.get('key/999'), undefined, `get of nothing ${when}`)
}

async function scans(): Promise<void> {
  const db = await open(place())
  const keys = Array.from({ length: 120 }, (_, i) => `${i % 2 === 0 ? 'even' : 'odd'}/${String(i).padStart(3, '0')}`)
  for (const key of keys) {
    await db.put(key, key, { durability: 'memory' })
    if (key === keys[60]) await db.flush('memtable')
  }
  keys.sort()
  const found = async (range: Parameters<TextDB['scan']>[0]) => {
    const seen: string[] = []
    for await (const key of db.scan(range).keys()) seen.push(key)
    return seen
  }
  same(await found({}), keys, 'all')
  same(await found({ reverse: true }), [...keys].reverse(), 'reverse')
  const odd = keys.filter((key) => key.startsWith('odd/'))
  same(await found({ prefix: 'odd/' }), odd, 'a prefix')
  same(await found({ prefix: 'odd/', reverse: true, limit: 3 }), odd.slice(-3).reverse(), 'the last of a prefix')
  same(await found({ gte: keys[10]!, lt: keys[20]! }), keys.slice(10, 20), 'between bounds')
  same(await found({ gt: keys[10]!, lte: keys[20]!, reverse: true }), keys.slice(11, 21).reverse(), 'bounds in reverse')

  const stream = db.scan({ limit: 5 }).toReadableStream().getReader()
  const streamed: string[] = []
  for (let read = await stream.read(); !read.done; read = await stream.read()) streamed.push(read.value[0])
  same(streamed, keys.slice(0, 5), 'a stream')

  const scan = db.scan()
  for await (const [key] of scan) {
    check(key === keys[0], 'the first key')
    break
  }
  same(await scan.next(), undefined, 'a scan whose loop was left')
  const seeking = db.scan()
  await seeking.seek('odd/050')
  same(
    (await seeking.next())?.[0],
    odd.find((key) => key >= 'odd/050'),
    'a seek',
  )
  await db.close()
}

async function moments(): Promise<void> {
  const db = await open(place())
  await db.put('a', '1')
  const snapshot = db.snapshot()
  await db.put('a', '2')
  await db.put('b', '2')
  same(await snapshot.scan().toArray(), [['a', '1']], 'what the snapshot sees')
  snapshot.close()

  const committed = await db.transaction(async (tx) => {
    tx.put('a', `${await tx.get('a')}!`)
    return tx.get('a')
  })
  same([committed, await db.get('a')], ['2!', '2!'], 'a transaction')

  const tx = db.begin({ isolation: 'serializable' })
  await tx.get('a')
  tx.put('c', 'from the past')
  await db.put('a', '3')
  await failsAs('Transaction', tx.commit(), 'a commit that read what was overwritten')
  let attempts = 0
  await db.transaction(
    async (retried) => {
      const seen = await retried.get('a')
      if (attempts++ === 0) await db.put('a', '4')
      retried.put('c', `saw ${seen}`)
    },
    { isolation: 'serializable' },
  )
  same([attempts, await db.get('c')], [2, 'saw 4'], 'a retried transaction')
  await db.close()
}

async function fencing(): Promise<void> {
  const where = place()
  const first = await open(where)
  await first.put('a', '1')
  const second = await open(where)
  const error = await failsAs('Closed', first.put('a', '2'), 'a write of the first')
  same([error.closeReason, first.status.closeReason], ['Fenced', 'Fenced'], 'why')
  await second.put('b', '2')
  await second.close()
  const third = await open(where)
  same(
    await third.scan().toArray(),
    [
      ['a', '1'],
      ['b', '2'],
    ],
    'what is there',
  )
  await third.close()
}

async function reading(): Promise<void> {
  const where = place()
  const db = await open(where)
  await db.put('a', '1')
  const reader = await SlateDB.openReader(where, { keyEncoding: 'utf8', valueEncoding: 'utf8', pollInterval: 10 })
  same(await reader.get('a'), '1', 'what was there')
  await db.put('b', '2')
  for (let i = 0; i < 500 && (await reader.get('b')) === undefined; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  same(await reader.get('b'), '2', 'what came later')
  await reader.close()
  await db.close()
}

async function misuse(): Promise<void> {
  const db = await open(place())
  await failsAs('Invalid', db.put('', 'x'), 'an empty key')
  await failsAs('Invalid', SlateDB.open('memory:', { durabilty: 'memory' } as object), 'a misspelt option')
  await failsAs('Invalid', SlateDB.open('data/app'), 'a location without a scheme')
  await db.close()
  await failsAs('Closed', db.put('a', '1'), 'a write after close')
  await db.close()
}

/** The syntax itself where the runtime has it; the call that compilers make of it elsewhere. */
async function disposing(): Promise<string> {
  const db = await open(place())
  let how = 'in the language'
  try {
    await new Function('db', 'return (async () => { await using it = db; await it.put("a", "1") })()')(db)
  } catch (error) {
    if (!(error instanceof SyntaxError) && !isForbidden(error)) throw error
    how = 'by call'
    await db[Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]()
  }
  same(db.status.closeReason, 'Clean', 'why it is closed')
  return how
}

/** Workers compile no text. */
const isForbidden = (error: unknown): boolean => error instanceof Error && error.name === 'EvalError'
