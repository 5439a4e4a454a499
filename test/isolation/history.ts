// A judge for isolation in the manner of Elle: transactions append unique values to lists and read lists, so the final
// lists give the full order of versions of every key, and with it every dependency between transactions.
//
//   ww  T1 appended right before T2            wr  T2 read a list that ends with T1's value
//   rw  T1 read a list that T2 appended to     rt  T1's commit returned before T2 began
//
// Serializable allows no cycle. Snapshot isolation allows only cycles in which two rw edges follow each other: along
// every other edge commit order rises (Fekete et al., "Making Snapshot Isolation Serializable").

export type Step =
  | { readonly kind: 'append'; readonly key: string; readonly value: number }
  | { readonly kind: 'read'; readonly key: string; readonly list: readonly number[] }

export interface RecordedTransaction {
  readonly name: string
  readonly steps: readonly Step[]
  readonly committed: boolean
  /** Positions in one common order of events. */
  readonly began: number
  readonly ended: number
}

export type Level = 'snapshot' | 'serializable'

type EdgeKind = 'ww' | 'wr' | 'rw' | 'rt'
interface Edge {
  readonly to: number
  readonly kind: EdgeKind
}

/** Everything that the level forbids, as texts; empty = the history is fine. */
export function violations(
  history: readonly RecordedTransaction[],
  finalLists: ReadonlyMap<string, readonly number[]>,
  level: Level,
): string[] {
  const found: string[] = []
  const writers = writersOf(history)
  checkFinalLists(history, finalLists, writers, found)
  for (const transaction of history) checkReads(transaction, history, finalLists, writers, found)
  if (found.length > 0) return found
  const cycle = findCycle(edgesOf(history, finalLists, writers), level)
  if (cycle !== undefined) found.push(describeCycle(cycle, history, level))
  return found
}

function writersOf(history: readonly RecordedTransaction[]): Map<number, number> {
  const writers = new Map<number, number>()
  history.forEach((transaction, at) => {
    for (const step of transaction.steps) if (step.kind === 'append') writers.set(step.value, at)
  })
  return writers
}

function checkFinalLists(
  history: readonly RecordedTransaction[],
  finalLists: ReadonlyMap<string, readonly number[]>,
  writers: ReadonlyMap<number, number>,
  found: string[],
): void {
  for (const [key, list] of finalLists) {
    if (new Set(list).size !== list.length) found.push(`key ${key}: a value occurs twice in ${list.join(',')}`)
    for (const value of list) {
      const writer = writers.get(value)
      if (writer === undefined) found.push(`key ${key}: nobody wrote ${value}`)
      else if (!history[writer]!.committed)
        found.push(`key ${key}: ${value} of the aborted ${history[writer]!.name} stayed`)
    }
  }
  for (const { name, steps, committed } of history) {
    if (!committed) continue
    for (const step of steps) {
      if (step.kind === 'append' && !finalLists.get(step.key)?.includes(step.value)) {
        found.push(`key ${step.key}: the committed append of ${step.value} by ${name} is lost`)
      }
    }
  }
}

function checkReads(
  transaction: RecordedTransaction,
  history: readonly RecordedTransaction[],
  finalLists: ReadonlyMap<string, readonly number[]>,
  writers: ReadonlyMap<number, number>,
  found: string[],
): void {
  const own = new Map<string, number[]>()
  const firstRead = new Map<string, string>()
  for (const step of transaction.steps) {
    const mine = own.get(step.key) ?? []
    if (step.kind === 'append') {
      own.set(step.key, [...mine, step.value])
      continue
    }
    const where = `${transaction.name} read ${step.key} = [${step.list.join(',')}]`
    const foreign = step.list.slice(0, step.list.length - mine.length)
    if (step.list.slice(foreign.length).join() !== mine.join()) {
      found.push(`${where}: its own appends [${mine.join(',')}] are not at the end`)
      continue
    }
    for (const value of foreign) {
      const writer = history[writers.get(value) ?? -1]
      if (writer !== undefined && !writer.committed)
        found.push(`${where}: ${value} was written by the aborted ${writer.name}`)
    }
    const order = finalLists.get(step.key) ?? []
    if (foreign.some((value, at) => order[at] !== value)) {
      if (foreign.every((value) => order.includes(value))) found.push(`${where}: not a prefix of [${order.join(',')}]`)
      continue
    }
    const last = foreign.at(-1)
    if (last !== undefined) {
      const writer = history[writers.get(last)!]!
      const all = writer.steps.flatMap((one) => (one.kind === 'append' && one.key === step.key ? [one.value] : []))
      if (all.at(-1) !== last) found.push(`${where}: it ends in the middle of what ${writer.name} appended`)
    }
    const before = firstRead.get(step.key)
    if (before !== undefined && before !== foreign.join()) found.push(`${where}, and [${before}] before`)
    firstRead.set(step.key, foreign.join())
  }
}

function edgesOf(
  history: readonly RecordedTransaction[],
  finalLists: ReadonlyMap<string, readonly number[]>,
  writers: ReadonlyMap<number, number>,
): Edge[][] {
  const edges: Edge[][] = history.map(() => [])
  const add = (from: number, to: number, kind: EdgeKind) => {
    if (from !== to) edges[from]!.push({ to, kind })
  }
  for (const list of finalLists.values()) {
    for (let at = 1; at < list.length; at++) add(writers.get(list[at - 1]!)!, writers.get(list[at]!)!, 'ww')
  }
  history.forEach((transaction, reader) => {
    if (!transaction.committed) return
    const mine = new Set(transaction.steps.flatMap((step) => (step.kind === 'append' ? [step.value] : [])))
    for (const step of transaction.steps) {
      if (step.kind !== 'read') continue
      const foreign = step.list.filter((value) => !mine.has(value))
      const order = finalLists.get(step.key) ?? []
      if (foreign.length > 0) add(writers.get(foreign.at(-1)!)!, reader, 'wr')
      const next = order.slice(foreign.length).find((value) => !mine.has(value))
      if (next !== undefined) add(reader, writers.get(next)!, 'rw')
    }
  })
  history.forEach((first, from) => {
    if (!first.committed) return
    history.forEach((second, to) => {
      if (second.committed && first.ended < second.began) add(from, to, 'rt')
    })
  })
  return edges
}

/**
 * A cycle that the level forbids. For snapshot isolation nodes are split by whether one came in over rw: from there no
 * second rw edge leaves, so a closed walk never has two of them in a row.
 */
function findCycle(edges: readonly (readonly Edge[])[], level: Level): { at: number; kind: EdgeKind }[] | undefined {
  const steps = (node: number): { node: number; kind: EdgeKind }[] => {
    const cameOverRw = node % 2 === 1
    return edges[node >> 1]!.flatMap(({ to, kind }) => {
      if (level === 'serializable') return [{ node: to * 2, kind }]
      if (kind !== 'rw') return [{ node: to * 2, kind }]
      return cameOverRw ? [] : [{ node: to * 2 + 1, kind }]
    })
  }
  const done = new Set<number>()
  for (let start = 0; start < edges.length * 2; start++) {
    const path: { node: number; kind: EdgeKind; rest: { node: number; kind: EdgeKind }[] }[] = []
    const onPath = new Set<number>()
    const push = (node: number, kind: EdgeKind) => {
      path.push({ node, kind, rest: steps(node) })
      onPath.add(node)
    }
    if (done.has(start)) continue
    push(start, 'rt')
    while (path.length > 0) {
      const top = path.at(-1)!
      const next = top.rest.pop()
      if (next === undefined) {
        path.pop()
        onPath.delete(top.node)
        done.add(top.node)
      } else if (onPath.has(next.node)) {
        const from = path.findIndex((one) => one.node === next.node)
        const cycle = path.slice(from).map((one) => ({ at: one.node >> 1, kind: one.kind }))
        cycle[0]!.kind = next.kind
        return cycle
      } else if (!done.has(next.node)) push(next.node, next.kind)
    }
  }
  return undefined
}

function describeCycle(
  cycle: readonly { at: number; kind: EdgeKind }[],
  history: readonly RecordedTransaction[],
  level: Level,
): string {
  const names = cycle.map(({ at }) => history[at]!.name)
  const text = cycle.map((_, i) => `${names[i]} -${cycle[(i + 1) % cycle.length]!.kind}->`).join(' ')
  return `${level}: forbidden cycle ${text} ${names[0]}`
}
