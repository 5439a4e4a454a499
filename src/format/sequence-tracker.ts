// The sequence tracker: pairs (sequence number, unix seconds), ascending (format.md section 14). It answers "when was
// this sequence number written" and back, to the minute.
//
//   tracker  := version:u8   n:u32le   gorilla(seqs)   gorilla(times)
//   gorilla  := count:u32 [first:u64 deltaOfDelta*]                      bits, most significant first, padded to a byte
//   deltaOfDelta := 0 | 10 dod:7 | 110 dod:9 | 1110 dod:12 | 1111 dod:w      two's complement, prev delta starts at 0
//
// The limits are -63..63, -255..255, -2047..2047: -64 takes the 9-bit code. w is 32 in version 1 and 64 in version 2, which
// 0.18 writes when some delta of deltas needs it, and which no older release reads (SQ-5). All arithmetic wraps at 64 bits.

import { BitReader, BitWriter } from '../bytes/bits.ts'
import { dataError } from '../errors.ts'

export interface SequenceTracker {
  readonly seqs: readonly bigint[]
  /** Unix seconds. */
  readonly times: readonly number[]
  /** Set where every reader of the database knows version 2; otherwise pairs that need it are not stored. */
  readonly wide?: true
}

export const EMPTY_TRACKER: SequenceTracker = { seqs: [], times: [] }

const SPACING_SECONDS = 60
const CAPACITY = 8192
/** Lists beyond the capacity are legal, but no release makes them long; one bit can claim a pair, so they are bounded. */
const MAX_PAIRS = 8 * CAPACITY
/** Code widths, shortest first, with the number of one-bits that announce each. */
const WIDTHS = [7, 9, 12] as const

/**
 * Records a pair, or answers `tracker` itself when it comes less than 60 s after the last one (SQ-1) or would run
 * backwards (SQ-3). A full tracker keeps every other pair.
 */
export function trackerInsert(tracker: SequenceTracker, seq: bigint, seconds: number): SequenceTracker {
  const { seqs, times } = tracker
  const n = seqs.length
  if (n > 0 && (seconds - times[n - 1]! < SPACING_SECONDS || seq < seqs[n - 1]!)) return tracker
  const next = { ...tracker, seqs: [...seqs, seq], times: [...times, seconds] }
  return next.seqs.length > CAPACITY ? { ...next, seqs: evens(next.seqs), times: evens(next.times) } : next
}

/**
 * Without the pairs at its end that lie above `seq`. Releases before 0.18 store a jump of 2^31 and more with bits lost; such
 * a pair may lie above every real sequence number, and would keep all later ones out.
 */
export function trackerUpTo(tracker: SequenceTracker, seq: bigint): SequenceTracker {
  const end = tracker.seqs.findLastIndex((one) => one <= seq) + 1
  if (end === tracker.seqs.length) return tracker
  return { ...tracker, seqs: tracker.seqs.slice(0, end), times: tracker.times.slice(0, end) }
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
  const { seqs, times } = tracker.wide ? tracker : storable(tracker)
  const columns = [deltasOfDeltas(seqs), deltasOfDeltas(times.map(BigInt))]
  const version = columns.every((column) => column.every(fits)) ? 1 : 2
  const bits = new BitWriter(32 + seqs.length * 4)
  bits.write(version, 8)
  for (let shift = 0; shift < 32; shift += 8) bits.write((seqs.length >>> shift) & 0xff, 8)
  writeColumn(bits, seqs[0], columns[0]!, seqs.length, version)
  writeColumn(bits, times[0] === undefined ? undefined : BigInt(times[0]), columns[1]!, times.length, version)
  return bits.toBytes()
}

/** Strict, as the original is: anything but a whole tracker is a Data error. Bytes behind it are ignored. */
export function decodeTracker(bytes: Uint8Array, what: string): SequenceTracker {
  const damaged = (detail: string) =>
    dataError('INVALID_SEQUENCE_TRACKER', `${what}: damaged sequence tracker: ${detail}`)
  if (bytes.length < 5) throw damaged(`${bytes.length} bytes`)
  const version = bytes[0]
  if (version !== 1 && version !== 2) throw damaged(`version ${version}, expected 1 or 2`)
  const count = bytes[1]! + bytes[2]! * 0x100 + bytes[3]! * 0x10000 + bytes[4]! * 0x1000000
  if (count > MAX_PAIRS) throw damaged(`${count} pairs, expected at most ${MAX_PAIRS}`)
  const bits = new BitReader(bytes, 5)
  const seqs = readColumn(bits, count, version, damaged).map((seq) => BigInt.asUintN(64, seq))
  const times = readColumn(bits, count, version, damaged).map(Number)
  if (!times.every(Number.isSafeInteger)) throw damaged('a time is larger than 2^53 - 1')
  return version === 2 ? { seqs, times, wide: true } : { seqs, times }
}

/** What a column stores of every value but the first. */
function deltasOfDeltas(values: readonly bigint[]): bigint[] {
  let before = 0n
  return values.slice(1).map((value, i) => {
    const delta = value - values[i]!
    const dod = BigInt.asIntN(64, delta - before)
    before = delta
    return dod
  })
}

function writeColumn(
  bits: BitWriter,
  first: bigint | undefined,
  dods: readonly bigint[],
  count: number,
  version: 1 | 2,
): void {
  bits.write(count, 32)
  if (first !== undefined) writeBigInt(bits, first)
  for (const dod of dods) writeDelta(bits, dod, version)
  bits.align()
}

function writeDelta(bits: BitWriter, dod: bigint, version: 1 | 2): void {
  if (dod === 0n) {
    bits.write(0, 1)
    return
  }
  const small = Number(dod)
  const code = WIDTHS.findIndex((width) => Math.abs(small) < 2 ** (width - 1))
  if (code >= 0) {
    const width = WIDTHS[code]!
    bits.write(2 ** (code + 2) - 2, code + 2)
    bits.write(small & (2 ** width - 1), width)
    return
  }
  bits.write(0b1111, 4)
  if (version === 1) bits.write(Number(BigInt.asUintN(32, dod)), 32)
  else writeBigInt(bits, dod)
}

function writeBigInt(bits: BitWriter, value: bigint): void {
  bits.write(Number(BigInt.asUintN(32, value >> 32n)), 32)
  bits.write(Number(BigInt.asUintN(32, value)), 32)
}

const readBigInt = (bits: BitReader): bigint => (BigInt(bits.read(32)) << 32n) | BigInt(bits.read(32))

/** The values as signed 64-bit numbers. */
function readColumn(bits: BitReader, expected: number, version: 1 | 2, damaged: (detail: string) => Error): bigint[] {
  if (bits.remaining < 32) throw damaged('it ends early')
  const count = bits.read(32)
  if (count !== expected) throw damaged(`a column of ${count} values, expected ${expected}`)
  // A further value takes at least one bit: a count that cannot be true costs no memory.
  if (count > 0 && bits.remaining < 64 + count - 1) throw damaged('it ends early')
  const values: bigint[] = []
  let delta = 0n
  for (let i = 0; i < count; i++) {
    if (i === 0) values.push(BigInt.asIntN(64, readBigInt(bits)))
    else {
      const dod = readDelta(bits, version)
      if (dod === undefined) throw damaged('it ends early')
      delta = BigInt.asIntN(64, delta + dod)
      values.push(BigInt.asIntN(64, values[i - 1]! + delta))
    }
  }
  bits.align()
  return values
}

function readDelta(bits: BitReader, version: 1 | 2): bigint | undefined {
  let ones = 0
  while (ones < 4) {
    if (bits.remaining < 1) return undefined
    if (bits.read(1) === 0) break
    ones++
  }
  if (ones === 0) return 0n
  const width: number = WIDTHS[ones - 1] ?? (version === 1 ? 32 : 64)
  if (bits.remaining < width) return undefined
  return BigInt.asIntN(width, width === 64 ? readBigInt(bits) : BigInt(bits.read(width)))
}

/**
 * The newest pairs that version 1 gives back as they are. A delta of deltas beyond 32 bits would wrap there and turn every
 * later pair into nonsense (users may choose sequence numbers far apart), so the list starts anew behind such a jump.
 */
function storable({ seqs, times }: SequenceTracker): SequenceTracker {
  let start = 0
  let seqDelta = 0n
  let timeDelta = 0n
  for (let i = 1; i < seqs.length; i++) {
    let seq = seqs[i]! - seqs[i - 1]!
    let time = BigInt(times[i]! - times[i - 1]!)
    if (!fits(BigInt.asIntN(64, seq - seqDelta)) || !fits(time - timeDelta)) {
      start = i
      seq = 0n
      time = 0n
    }
    seqDelta = seq
    timeDelta = time
  }
  return { seqs: seqs.slice(start), times: times.slice(start) }
}

/** Whether a delta of deltas is a 32-bit number. */
const fits = (dod: bigint): boolean => BigInt.asIntN(32, dod) === dod

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
