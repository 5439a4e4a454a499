// A transaction of a simulated client. The model knows exactly which transactions may commit (TX-6), so a conflict that
// is missed and one that is invented both fail the run.

import type { Transaction } from '../../src/db/transaction.ts'
import { isSlateDBError } from '../../src/errors.ts'
import type { WriteHandle } from '../../src/write/handle.ts'
import { show, toBytes } from '../model/bytes.ts'
import type { Bounds, Op } from '../model/model.ts'
import type { Client } from './client.ts'
import { Ended, GivenUp } from './run.ts'
import { describeError } from './writer-agent.ts'

interface Doing {
  readonly client: Client
  readonly tx: Transaction
  readonly start: number
  readonly own: Op[]
  readonly reads: Set<string>
  readonly ranges: Bounds[]
  readonly unmarked: Set<string>
}

export async function runTransaction(client: Client): Promise<void> {
  const { random, db, run, agent } = client
  const isolation = random.pick(['snapshot', 'serializable'] as const)
  const tx = db.begin(isolation)
  const doing: Doing = {
    client,
    tx,
    start: Number(tx.seq),
    own: [],
    reads: new Set(),
    ranges: [],
    unmarked: new Set(),
  }
  const ttl = client.operations.ttl(db.env.clock.now())
  try {
    for (let i = random.int(1, 7); i > 0; i--) {
      await step(doing, ttl)
      if (random.chance(0.4)) await agent.alive(run.sim.sleep(random.pick([0, 5, 100])), 'sleep')
    }
  } catch (error) {
    // The handle may end under a transaction; its reads say so, and so do its writes.
    if (error instanceof GivenUp) tx.rollback()
    if (error instanceof Ended || error instanceof GivenUp) throw error
    agent.judgeError(error, 'transaction')
    throw new Ended('transaction')
  }
  if (random.chance(0.1)) return tx.rollback()
  await commit(doing)
}

async function step(doing: Doing, ttl: Op['ttl']): Promise<void> {
  const { client, tx, start, own, reads, ranges, unmarked } = doing
  const { random, operations } = client
  const view = { seq: start, own: [...own], expiresAtMs: tx.expiresAtMs }
  const kind = random.pick(['get', 'get', 'scan', 'put', 'put', 'delete', 'merge', 'mark', 'unmark'] as const)
  switch (kind) {
    case 'get': {
      const key = await client.get(tx, view, {}, `transaction at ${start}, get`)
      if (tx.isolation === 'serializable') reads.add(key)
      return
    }
    case 'scan': {
      const bounds = operations.bounds()
      if (tx.isolation === 'serializable') ranges.push(bounds)
      return client.scan(tx, view, bounds, { descending: random.chance(0.3) }, `transaction at ${start}, scan`)
    }
    case 'mark': {
      const key = operations.key()
      tx.markRead([toBytes(key)])
      reads.add(key)
      return
    }
    case 'unmark': {
      const key = operations.key()
      tx.unmarkWrite([toBytes(key)])
      unmarked.add(key)
      return
    }
    default: {
      const key = operations.key()
      const isDeleted = own.filter((op) => op.key === key).at(-1)?.kind === 'delete'
      // A merge with a TTL after a delete is refused as a whole batch (W-3); unit tests look at that.
      if (kind === 'merge' && isDeleted) return
      const value = kind === 'delete' ? '' : operations.value()
      if (kind === 'delete') tx.delete(toBytes(key))
      else tx[kind](toBytes(key), toBytes(value), { ttl })
      own.push({ kind, key, value, ttl })
    }
  }
}

async function commit(doing: Doing): Promise<void> {
  const { client, tx, start, own, unmarked } = doing
  const { agent, run, model } = client
  // Every commit made so far is known to the model after this; from here to `commit` nothing else runs.
  await run.turn()
  if (agent.process.isDead) throw new Ended('transaction')
  const expected = conflicts(doing, Number.POSITIVE_INFINITY)
  const judged = !agent.superseded
  run.note(
    client.name,
    `commits a ${tx.isolation} transaction at ${start}: ${own.map((op) => `${op.kind} ${show(op.key)}`).join(', ')}`,
  )
  try {
    const result = tx.commit()
    const tell = (handle: WriteHandle | undefined) => handle && client.committed(handle, own, unmarked)
    const handle =
      result instanceof Promise
        ? await agent.alive(agent.track(result.then(tell), 'a commit'), 'a commit')
        : tell(result)
    run.count('transactions')
    if (!judged || agent.superseded) return
    if ((handle === undefined) !== (own.length === 0))
      run.fail(`${client.name}: commit of ${own.length} operations gave ${handle?.seq}`)
    // Writers whose calls gave the event loop a turn are told of their commits in the next one.
    if (handle !== undefined) await run.turn()
    if (handle === undefined ? expected : conflicts(doing, Number(handle.seq))) {
      run.fail(
        `${client.name}: a ${tx.isolation} transaction that began at seq ${start} committed at ${handle?.seq} in spite of a conflict`,
      )
    }
  } catch (error) {
    if (error instanceof Ended) throw error
    if (!isSlateDBError(error) || error.kind !== 'Transaction') {
      // The run's own failures pass through.
      if (!isSlateDBError(error)) throw error
      agent.judgeError(error, 'commit')
      throw new Ended('commit')
    }
    run.count('transaction conflicts')
    if (!expected) await run.turn()
    if (judged && !agent.superseded && !expected && !conflicts(doing, Number.POSITIVE_INFINITY)) {
      run.fail(
        `${client.name}: a ${tx.isolation} transaction at seq ${start} was refused without a conflict: ${describeError(error)}; last commit ${model.lastSeq}`,
      )
    }
  }
}

function conflicts({ client, start, own, reads, ranges, unmarked }: Doing, before: number): boolean {
  const writes = own.map((op) => op.key).filter((key) => !unmarked.has(key))
  return client.model.conflicts({ start, before, writes, reads, ranges }, (seq) => client.run.unmarked.get(seq))
}
