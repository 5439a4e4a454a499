// Runs a target for some time or some cases, and judges each: only a SlateDBError may be thrown, time and memory follow the
// size of the input, and whatever the target itself says must hold.

import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Random } from '../../src/env/random.ts'
import { isSlateDBError } from '../../src/errors.ts'
import { type Case, type Target, Wrong } from './target.ts'

export interface Budget {
  readonly seconds?: number
  readonly cases?: number
}

export interface Finding {
  /** Gives the same case again: `npm run fuzz -- TARGET --seed SEED`. */
  readonly seed: string
  readonly what: string
  readonly input: Uint8Array | string
}

export interface Result {
  readonly target: string
  cases: number
  accepted: number
  refused: number
  readonly findings: Finding[]
  seconds: number
}

/** Findings of one target beyond this say nothing new. */
const MOST_FINDINGS = 5
/** Generous, since other work runs beside: only what grows faster than its input gets there. */
const TIME_MS = 250
const TIME_MS_PER_BYTE = 0.002
const MEMORY = 48 * 1024 * 1024
const MEMORY_PER_BYTE = 512
/** What a decompressor may hold beside its output: pieces, and a copy. */
const MEMORY_PER_ALLOWED = 8

export async function fuzz(target: Target, seed: string, budget: Budget): Promise<Result> {
  const result: Result = { target: target.name, cases: 0, accepted: 0, refused: 0, findings: [], seconds: 0 }
  const start = performance.now()
  const { seconds = Number.POSITIVE_INFINITY, cases = Number.POSITIVE_INFINITY } = budget
  while (result.cases < cases && result.findings.length < MOST_FINDINGS) {
    result.seconds = (performance.now() - start) / 1000
    if (result.seconds >= seconds) break
    await oneCase(target, `${seed}:${result.cases}`, result)
  }
  result.seconds = (performance.now() - start) / 1000
  return result
}

/** Runs the one case of `seed`. */
export async function replay(target: Target, seed: string): Promise<Result> {
  const result: Result = { target: target.name, cases: 0, accepted: 0, refused: 0, findings: [], seconds: 0 }
  await oneCase(target, seed, result)
  return result
}

async function oneCase(target: Target, seed: string, result: Result): Promise<void> {
  const one = await target.make(new Random(`${target.name}/${seed}`))
  result.cases++
  const finding = (what: string) => result.findings.push({ seed, what, input: one.input })
  const measured = await measure(one)
  if (measured.error === undefined) result.accepted++
  else if (isSlateDBError(measured.error) && measured.error.kind !== 'Internal') {
    result.refused++
    if (one.valid) finding(`refused what our own encoder made: ${measured.error.message}`)
  } else finding(describe(measured.error))

  const { ms, bytes } = bounds(one)
  if (measured.ms <= ms && measured.bytes <= bytes) return
  // A busy machine or the garbage of others look the same once, but not each time.
  let least = measured
  for (let i = 0; i < 4; i++) {
    collectGarbage()
    const again = await measure(one)
    least = { ...least, ms: Math.min(least.ms, again.ms), bytes: Math.min(least.bytes, again.bytes) }
  }
  if (least.ms > ms) finding(`took ${Math.round(least.ms)} ms of the processor, at most ${Math.round(ms)} are fine`)
  if (least.bytes > bytes) finding(`took ${least.bytes} bytes of memory, at most ${bytes} are fine`)
}

function bounds({ input, allowance = 0 }: Case): { ms: number; bytes: number } {
  return {
    ms: TIME_MS + TIME_MS_PER_BYTE * (input.length + allowance),
    bytes: MEMORY + MEMORY_PER_BYTE * input.length + MEMORY_PER_ALLOWED * allowance,
  }
}

interface Measured {
  readonly error: unknown
  /** Of the processor: how long it takes by the clock depends on what else runs. */
  readonly ms: number
  /** What was taken and not given back until the end; garbage counts unless it was collected meanwhile. */
  readonly bytes: number
}

async function measure(one: Case): Promise<Measured> {
  const before = memoryInUse()
  const start = process.cpuUsage()
  let error: unknown
  try {
    await one.run()
  } catch (thrown) {
    error = thrown ?? new Error(`${String(thrown)} was thrown`)
  }
  const { user, system } = process.cpuUsage(start)
  return { error, ms: (user + system) / 1000, bytes: memoryInUse() - before }
}

function memoryInUse(): number {
  const { used_heap_size: heap, external_memory: buffers } = getHeapStatistics()
  return heap + buffers
}

function describe(error: unknown): string {
  if (error instanceof Wrong) return error.message
  if (!(error instanceof Error)) return `threw ${String(error)}`
  return `${error.constructor.name}: ${error.stack ?? error.message}`.split('\n').slice(0, 6).join('\n    ')
}

let collect: (() => void) | undefined

function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
  }
  collect()
}
