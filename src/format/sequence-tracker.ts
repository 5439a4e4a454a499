// The sequence tracker: pairs (sequence number, unix seconds), ascending (format.md section 14). It answers "when was
// this sequence number written" and back, to the minute.
//
//   tracker  := version:u8 = 1   n:u32le   gorilla(seqs)   gorilla(times)
//   gorilla  := count:u32 [first:u64 deltaOfDelta*]                      bits, most significant first, padded to a byte
//   deltaOfDelta := 0 | 10 dod:7 | 110 dod:9 | 1110 dod:12 | 1111 dod:32     two's complement, prev delta starts at 0
//
// The limits are -63..63, -255..255, -2047..2047: -64 takes the 9-bit code.

import { BitReader, BitWriter } from '../bytes/bits.ts'
import { dataError } from '../errors.ts'

export interface SequenceTracker {
  readonly seqs: readonly bigint[]
  /** Unix seconds. */
  readonly times: readonly number[]
  /** When this process last recorded a pair here; never stored, so a loaded tracker takes any first pair (SQ-1). */
  readonly recordedAt?: number
}

export const EMPTY_TRACKER: SequenceTracker = { seqs: [], times: [] }

const VERSION = 1
const SPACING_SECONDS = 60
const CAPACITY = 8192
/** Code widths, shortest first, with the number of one-bits that announce each. */
const WIDTHS = [7, 9, 12] as const

/**
 * Records a pair, or answers `tracker` itself when it comes less than 60 s after the last one recorded here (SQ-1) or
 * would run backwards (SQ-3). A full tracker keeps every other pair.
 */
export function trackerInsert(tracker: SequenceTracker, seq: bigint, seconds: number): SequenceTracker {
  const { seqs, times, recordedAt } = tracker
  if (recordedAt !== undefined && seconds - recordedAt < SPACING_SECONDS) return tracker
  const n = seqs.length
  if (n > 0 && (seq < seqs[n - 1]! || seconds < times[n - 1]!)) return tracker
  const next = { seqs: [...seqs, seq], times: [...times, seconds] }
  const kept = next.seqs.length > CAPACITY ? { seqs: evens(next.seqs), times: evens(next.times) } : next
  return { ...kept, recordedAt: seconds }
}

/** Folds the pairs of a memtable's tracker into the manifest's, by the same rule (SQ-2). */
export function trackerMerge(tracker: SequenceTracker, more: SequenceTracker): SequenceTracker {
  let merged = tracker
  for (let i = 0; i < more.seqs.length; i++) merged = trackerInsert(merged, more.seqs[i]!, more.times[i]!)
  return merged
}

/** Unix seconds of the pair at `seq`, or of the nearest recorded one above ('up') or below ('down') it (SQ-4). */
export function timeOfSeq(tracker: SequenceTracker, seq: bigint, rounding: 'up' | 'down'): number | undefined {
  const at = rounding === 'up' ? lowerBound(tracker.seqs, seq) : upperBound(tracker.seqs, seq) - 1
  return tracker.times[at]
}

/** Sequence number recorded at `seconds`, or at the nearest recorded time after ('up') or before ('down') it (SQ-4). */
export function seqOfTime(tracker: SequenceTracker, seconds: number, rounding: 'up' | 'down'): bigint | undefined {
  const at = rounding === 'up' ? lowerBound(tracker.times, seconds) : upperBound(tracker.times, seconds) - 1
  return tracker.seqs[at]
}

export function encodeTracker(tracker: SequenceTracker): Uint8Array {
  const { seqs, times } = storable(tracker)
  const bits = new BitWriter(32 + seqs.length * 4)
  bits.write(VERSION, 8)
  for (let shift = 0; shift < 32; shift += 8) bits.write((seqs.length >>> shift) & 0xff, 8)
  writeColumn(bits, seqs.length, seqs[0] ?? 0n, (i) => seqDelta(seqs, i))
  writeColumn(bits, times.length, BigInt(times[0] ?? 0), (i) => times[i]! - times[i - 1]!)
  return bits.toBytes()
}

/** Strict, as the original is: anything but a whole tracker of version 1 is a Data error. Bytes behind it are ignored. */
export function decodeTracker(bytes: Uint8Array, what: string): SequenceTracker {
  const damaged = (detail: string) =>
    dataError('INVALID_SEQUENCE_TRACKER', `${what}: damaged sequence tracker: ${detail}`)
  if (bytes.length < 5) throw damaged(`${bytes.length} bytes`)
  if (bytes[0] !== VERSION) throw damaged(`version ${bytes[0]}, expected ${VERSION}`)
  const count = bytes[1]! + bytes[2]! * 0x100 + bytes[3]! * 0x10000 + bytes[4]! * 0x1000000
  const bits = new BitReader(bytes, 5)
  const seqColumn = readColumn(bits, count, damaged)
  const timeColumn = readColumn(bits, count, damaged)
  let seq = seqColumn.first
  let time = Number(BigInt.asIntN(64, timeColumn.first))
  const seqs: bigint[] = new Array(count)
  const times: number[] = new Array(count)
  for (let i = 0; i < count; i++) {
    if (i > 0) {
      seq = BigInt.asUintN(64, seq + BigInt(seqColumn.deltas[i]!))
      time += timeColumn.deltas[i]!
    }
    if (!Number.isSafeInteger(time)) throw damaged('a time is larger than 2^53 - 1')
    seqs[i] = seq
    times[i] = time
  }
  return { seqs, times }
}

/** The difference to the value before, as the signed 64-bit number that is stored. */
const seqDelta = (seqs: readonly bigint[], i: number): number => Number(BigInt.asIntN(64, seqs[i]! - seqs[i - 1]!))

function writeColumn(bits: BitWriter, count: number, first: bigint, deltaAt: (i: number) => number): void {
  bits.write(count, 32)
  if (count > 0) {
    bits.write(Number(BigInt.asUintN(32, first >> 32n)), 32)
    bits.write(Number(BigInt.asUintN(32, first)), 32)
  }
  let delta = 0
  for (let i = 1; i < count; i++) {
    const next = deltaAt(i)
    writeDelta(bits, next - delta)
    delta = next
  }
  bits.align()
}

function writeDelta(bits: BitWriter, dod: number): void {
  const code = dod === 0 ? 0 : 1 + WIDTHS.findIndex((width) => Math.abs(dod) < 2 ** (width - 1))
  if (dod === 0) {
    bits.write(0, 1)
  } else if (code > 0) {
    const width = WIDTHS[code - 1]!
    bits.write(2 ** (code + 1) - 2, code + 1)
    bits.write(dod & (2 ** width - 1), width)
  } else {
    bits.write(0b1111, 4)
    bits.write(dod >>> 0, 32)
  }
}

/** `deltas[0]` is unused. A delta is a sum of 32-bit numbers, one per value: exact as a number for any list there is. */
function readColumn(
  bits: BitReader,
  expected: number,
  damaged: (detail: string) => Error,
): { first: bigint; deltas: Float64Array } {
  if (bits.remaining < 32) throw damaged('it ends early')
  const count = bits.read(32)
  if (count !== expected) throw damaged(`a column of ${count} values, expected ${expected}`)
  // A further value takes at least one bit: a count that cannot be true costs no memory.
  if (count > 0 && bits.remaining < 64 + count - 1) throw damaged('it ends early')
  const first = count === 0 ? 0n : (BigInt(bits.read(32)) << 32n) | BigInt(bits.read(32))
  const deltas = new Float64Array(count)
  let delta = 0
  for (let i = 1; i < count; i++) {
    const dod = readDelta(bits)
    if (dod === undefined) throw damaged('it ends early')
    deltas[i] = delta += dod
  }
  bits.align()
  return { first, deltas }
}

function readDelta(bits: BitReader): number | undefined {
  let ones = 0
  while (ones < 4) {
    if (bits.remaining < 1) return undefined
    if (bits.read(1) === 0) break
    ones++
  }
  if (ones === 0) return 0
  const width = WIDTHS[ones - 1] ?? 32
  if (bits.remaining < width) return undefined
  const raw = bits.read(width)
  return raw >= 2 ** (width - 1) ? raw - 2 ** width : raw
}

/**
 * The newest pairs that read back as they are. A delta of deltas beyond 32 bits would wrap and turn every later pair
 * into nonsense (users may choose sequence numbers far apart), so the list starts anew behind such a jump.
 */
function storable(tracker: SequenceTracker): SequenceTracker {
  const { seqs, times } = tracker
  let start = 0
  let lastSeq = 0
  let lastTime = 0
  for (let i = 1; i < seqs.length; i++) {
    let seq = seqDelta(seqs, i)
    let time = times[i]! - times[i - 1]!
    if (!fits(seq - lastSeq) || !fits(time - lastTime)) {
      start = i
      seq = 0
      time = 0
    }
    lastSeq = seq
    lastTime = time
  }
  return start === 0 ? tracker : { seqs: seqs.slice(start), times: times.slice(start) }
}

/** Whether a delta of deltas is a 32-bit number. Rounding of what is larger than 2^53 does not make it one. */
const fits = (dod: number): boolean => dod >= -0x80000000 && dod <= 0x7fffffff

const evens = <T>(items: readonly T[]): T[] => items.filter((_, i) => i % 2 === 0)

/** Index of the first value >= `wanted`. */
function lowerBound<T extends number | bigint>(values: readonly T[], wanted: T): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (values[middle]! < wanted) low = middle + 1
    else high = middle
  }
  return low
}

/** Index of the first value > `wanted`. */
function upperBound<T extends number | bigint>(values: readonly T[], wanted: T): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (values[middle]! <= wanted) low = middle + 1
    else high = middle
  }
  return low
}
