// The original, in a process of its own that can be killed: commands come as messages, answers go back under their id.
import { pathToFileURL } from 'node:url'
import {
  DbBuilder,
  DbReaderBuilder,
  FlushType,
  IterationOrder,
  ObjectStore,
  Settings,
  SstBlockSize,
  Ttl,
  WriteBatch,
} from '@slatedb/uniffi'

const NOWAIT = { await_durable: false }
const EVERYTHING = { start: undefined, start_inclusive: true, end: undefined, end_inclusive: true }
const append = {
  merge: (_key, existing, operand) => (existing === undefined ? operand : Buffer.concat([existing, operand])),
}

const bytes = (text) => Buffer.from(text, 'latin1')
const text = (value) => Buffer.from(value).toString('latin1')
const ttlOf = (ttl) => {
  if (ttl === 'default') return Ttl.Default()
  if (ttl === 'none') return Ttl.NoExpiry()
  return 'at' in ttl ? Ttl.ExpireAt(BigInt(ttl.at)) : Ttl.ExpireAfterTicks(BigInt(ttl.after))
}
const rowOf = ({ key, value, seq, create_ts, expire_ts }) => ({
  key: text(key),
  value: text(value),
  seq: Number(seq),
  createTs: Number(create_ts),
  expireTs: expire_ts === undefined ? undefined : Number(expire_ts),
})

const storeAt = (folder) => ObjectStore.resolve(pathToFileURL(folder).href)

async function drain(iterator) {
  const rows = []
  for (let row = await iterator.next(); row !== undefined; row = await iterator.next()) rows.push(rowOf(row))
  return rows
}

let db

const commands = {
  async open({ folder, settings, blockSize }) {
    const all = Settings.default()
    for (const [key, value] of Object.entries(settings)) all.set(key, JSON.stringify(value))
    const builder = new DbBuilder('db', storeAt(folder))
    builder.with_settings(all)
    builder.with_merge_operator(append)
    builder.with_sst_block_size(SstBlockSize[blockSize])
    db = await builder.build()
  },
  async write({ ops, single }) {
    const options = (op) => ({ ttl: ttlOf(op.ttl) })
    let handle
    if (single) {
      const [op] = ops
      const [key, value] = [bytes(op.key), bytes(op.value)]
      if (op.kind === 'put') handle = await db.put_with_options(key, value, options(op), NOWAIT)
      else if (op.kind === 'merge') handle = await db.merge_with_options(key, value, options(op), NOWAIT)
      else handle = await db.delete_with_options(key, NOWAIT)
    } else {
      const batch = new WriteBatch()
      for (const op of ops) {
        const [key, value] = [bytes(op.key), bytes(op.value)]
        if (op.kind === 'put') batch.put_with_options(key, value, options(op))
        else if (op.kind === 'merge') batch.merge_with_options(key, value, options(op))
        else batch.delete(key)
      }
      handle = await db.write_with_options(batch, NOWAIT)
    }
    return { seq: Number(handle.seqnum), createTs: Number(handle.create_ts) }
  },
  flush: ({ type }) => db.flush_with_options({ flush_type: type === 'wal' ? FlushType.Wal : FlushType.MemTable }),
  scan: async () => drain(await db.scan(EVERYTHING)),
  async reverse() {
    const options = {
      durability_filter: 'Memory',
      dirty: false,
      read_ahead_bytes: 1n,
      cache_blocks: true,
      max_fetch_tasks: 1n,
      order: IterationOrder.Descending,
    }
    return drain(await db.scan_with_options(EVERYTHING, options))
  },
  async gets({ keys }) {
    const rows = []
    for (const key of keys) {
      const row = await db.get_key_value(bytes(key))
      rows.push(row === undefined ? undefined : rowOf(row))
    }
    return rows
  },
  async close() {
    await db.shutdown()
    db = undefined
  },
  /** What a reader of the original sees. */
  async read({ folder }) {
    const builder = new DbReaderBuilder('db', storeAt(folder))
    builder.with_merge_operator(append)
    const reader = await builder.build()
    const rows = await drain(await reader.scan(EVERYTHING))
    await reader.shutdown()
    return rows
  },
}

process.on('message', async ({ id, command, args }) => {
  try {
    process.send({ id, result: await commands[command](args) })
  } catch (error) {
    process.send({ id, error: `${error?.constructor?.name}: ${error?.message ?? String(error)}` })
  }
})
process.on('disconnect', () => process.exit(0))
