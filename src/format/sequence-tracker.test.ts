import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../bytes/text.ts'
import { isSlateDBError } from '../errors.ts'
import { decodeManifest } from './manifest.ts'
import {
  decodeTracker,
  EMPTY_TRACKER,
  encodeTracker,
  type SequenceTracker,
  seqOfTime,
  timeOfSeq,
  trackerInsert,
  trackerMerge,
  trackerUpTo,
} from './sequence-tracker.ts'

const tracker = (...pairs: [number | bigint, number][]): SequenceTracker => ({
  seqs: pairs.map(([seq]) => BigInt(seq)),
  times: pairs.map(([, time]) => time),
})
const pairs = ({ seqs, times }: SequenceTracker) => seqs.map((seq, i) => [Number(seq), times[i]])

describe('bytes', () => {
  test.each([
    ['empty', EMPTY_TRACKER, '01000000000000000000000000'],
    [
      'two points',
      tracker([1, 1795356853], [2, 1795356914]),
      '01 02000000 00000002 0000000000000001 8080 00000002 000000006b02f8b5 9e80',
    ],
    ['one point', tracker([1, 1795357446]), '010100000000000001000000000000000100000001000000006b02fb06'],
    [
      'five points of a peer',
      tracker([1, 1795356853], [2, 1795356914], [43, 1795356978], [204, 1795357050], [565, 1795357116]),
      '010500000000000005000000000000000180ca31e3320000000005000000006b02f8b59ec0e117a0',
    ],
  ])('%s', (_, value, hex) => {
    const bytes = fromHex(hex.replaceAll(' ', ''))
    expect(toHex(encodeTracker(value))).toBe(toHex(bytes))
    expect(decodeTracker(bytes, 'x')).toEqual(value)
  })

  // The limits are not symmetric: -64, -256 and -2048 would fit their codes, but go to the next wider one.
  test.each([
    [0, 1],
    [63, 9],
    [-63, 9],
    [64, 12],
    [-64, 12],
    [255, 12],
    [-255, 12],
    [256, 16],
    [-256, 16],
    [2047, 16],
    [-2047, 16],
    [2048, 36],
    [-2048, 36],
    [2 ** 31 - 1, 36],
    [-(2 ** 31), 36],
  ])('a delta of deltas of %i takes %i bits', (dod, bits) => {
    // The second delta is 2^31 - 1 less than nothing or more, so that the third value holds the change alone.
    const base = 2 ** 31 - 1
    const value = tracker([1, 0], [1 + base, 0], [1 + base + base + dod, 0])
    const bytes = encodeTracker(value)
    // version, count, column of seqs (count, first value, 36 bits, then ours), column of times (two zero bits).
    const seqBytes = 4 + 8 + Math.ceil((36 + bits) / 8)
    expect(bytes.length).toBe(1 + 4 + seqBytes + 4 + 8 + 1)
    expect(decodeTracker(bytes, 'x')).toEqual(value)
  })

  test('whatever is ascending reads back', () => {
    const step = fc.oneof(fc.nat(3), fc.nat(100), fc.nat(5000), fc.nat(2 ** 30))
    const property = fc.property(
      fc.array(fc.tuple(step, step), { maxLength: 300 }),
      fc.bigInt({ min: 0n, max: 2n ** 63n }),
      (steps, start) => {
        let seq = start
        let time = 0
        const seqs: bigint[] = []
        const times: number[] = []
        for (const [more, later] of steps) {
          seqs.push((seq += BigInt(more)))
          times.push((time += later))
        }
        expect(decodeTracker(encodeTracker({ seqs, times }), 'x')).toEqual({ seqs, times })
      },
    )
    fc.assert(property)
  })

  test('a jump too wide for the format starts the list anew, instead of turning it into nonsense', () => {
    const value = tracker([1, 100], [2, 200], [2n ** 40n, 300], [2n ** 40n + 5n, 400])
    const read = decodeTracker(encodeTracker(value), 'x')
    expect(read).toEqual(tracker([2n ** 40n, 300], [2n ** 40n + 5n, 400]))
    const again = tracker([1, 0], [2, 2 ** 40], [3, 2 ** 40 + 60])
    expect(decodeTracker(encodeTracker(again), 'x')).toEqual(tracker([2, 2 ** 40], [3, 2 ** 40 + 60]))
  })

  test('where every reader knows it, version 2 stores the jump, and nothing else', () => {
    const wide = { ...tracker([1, 100], [2, 200], [2n ** 40n, 300], [2n ** 40n + 5n, 400]), wide: true as const }
    const bytes = encodeTracker(wide)
    expect(bytes[0]).toBe(2)
    expect(decodeTracker(bytes, 'x')).toEqual(wide)
    const far = { ...tracker([1, 0], [2, 2 ** 40], [2n ** 64n - 1n, 2 ** 53 - 1]), wide: true as const }
    expect(decodeTracker(encodeTracker(far), 'x')).toEqual(far)
    // The same bytes as version 1 when no pair needs more.
    const narrow = tracker([1, 100], [2 ** 31, 200])
    expect(toHex(encodeTracker({ ...narrow, wide: true }))).toBe(toHex(encodeTracker(narrow)))
    expect(encodeTracker(narrow)[0]).toBe(1)
  })

  test('version 2 by hand: the last code has 64 bits in both columns', () => {
    // seqs 1, 2^40: dod 2^40 - 1; times 0, 0.
    const bytes = fromHex(
      '02 02000000 00000002 0000000000000001 f000000ffffffffff0 00000002 0000000000000000 00'.replaceAll(' ', ''),
    )
    const value = { seqs: [1n, 2n ** 40n], times: [0, 0], wide: true }
    expect(decodeTracker(bytes, 'x')).toEqual(value)
    expect(toHex(encodeTracker(decodeTracker(bytes, 'x')))).toBe(toHex(bytes))
  })

  test('a list of eight times the capacity is read, a longer one is refused before memory is taken for it', () => {
    const seqs = Array.from({ length: 65_536 }, (_, i) => BigInt(i))
    const longest = encodeTracker({ seqs, times: seqs.map(Number) })
    expect(decodeTracker(longest, 'x').seqs.length).toBe(65_536)
    // One bit claims one pair: 8 MiB of zero bits would be 33 million of them.
    const bomb = new Uint8Array(8 * 1024 * 1024)
    const count = 33_000_000
    new DataView(bomb.buffer).setUint32(1, count, true)
    new DataView(bomb.buffer).setUint32(5, count)
    new DataView(bomb.buffer).setUint32(5 + 12 + Math.ceil((count - 1) / 8), count)
    bomb[0] = 1
    expect(() => decodeTracker(bomb, 'object x')).toThrow(/object x: .*33000000 pairs, expected at most 65536/)
  })

  test('what a peer wrapped reads as the peer reads it', () => {
    // seqs 1, 2^31 + 1: the delta 2^31 is stored in 32 bits and comes back negative.
    const bytes = fromHex(
      `01 02000000 00000002 0000000000000001 f800000000 00000002 0000000000000000 00`.replaceAll(' ', ''),
    )
    expect(decodeTracker(bytes, 'x').seqs).toEqual([1n, BigInt.asUintN(64, 1n - 2n ** 31n)])
    expect(toHex(encodeTracker(decodeTracker(bytes, 'x')))).toBe(toHex(bytes))
  })

  test('bytes behind it are ignored, everything else is damage', () => {
    const bytes = encodeTracker(tracker([1, 10], [5, 80], [900, 1000]))
    const extended = new Uint8Array(bytes.length + 3)
    extended.set(bytes)
    expect(pairs(decodeTracker(extended, 'x'))).toEqual([
      [1, 10],
      [5, 80],
      [900, 1000],
    ])
    const damaged = (copy: Uint8Array) => {
      try {
        decodeTracker(copy, 'object x')
        return false
      } catch (error) {
        if (!isSlateDBError(error)) throw error
        expect(error.code).toBe('SLATEDB_INVALID_SEQUENCE_TRACKER')
        expect(error.message).toContain('object x')
        return true
      }
    }
    for (let length = 0; length < bytes.length; length++)
      expect(damaged(bytes.slice(0, length)), `${length}`).toBe(true)
    expect(damaged(bytes.with(0, 0))).toBe(true)
    expect(damaged(bytes.with(0, 3))).toBe(true)
    expect(damaged(bytes.with(1, 4))).toBe(true)
    // A count that cannot be true costs nothing.
    expect(damaged(fromHex('01ffffffffffffffff0000000000000001'))).toBe(true)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        damaged(bytes.with(at, value))
      }),
    )
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => void damaged(Uint8Array.of(1, ...noise))))
  })
})

describe('recording', () => {
  test('at most one pair in 60 seconds (SQ-1)', () => {
    let now = trackerInsert(EMPTY_TRACKER, 1n, 100)
    expect(trackerInsert(now, 2n, 159)).toBe(now)
    now = trackerInsert(now, 2n, 160)
    expect(pairs(now)).toEqual([
      [1, 100],
      [2, 160],
    ])
  })

  test('a loaded tracker remembers its last time (SQ-1)', () => {
    const loaded = decodeTracker(encodeTracker(trackerInsert(EMPTY_TRACKER, 1n, 100)), 'x')
    expect(trackerInsert(loaded, 2n, 159)).toBe(loaded)
    expect(pairs(trackerInsert(loaded, 2n, 160))).toEqual([
      [1, 100],
      [2, 160],
    ])
  })

  test('pairs above the newest sequence number, which older releases stored with bits lost, are dropped (SQ-5)', () => {
    const wrapped = tracker([1, 100], [BigInt.asUintN(64, 1n - 2n ** 31n), 200])
    expect(trackerUpTo(wrapped, 2n ** 31n + 1n)).toEqual(tracker([1, 100]))
    expect(trackerUpTo(wrapped, 0n)).toEqual(EMPTY_TRACKER)
    const right = tracker([1, 100], [5, 200])
    expect(trackerUpTo(right, 5n)).toBe(right)
    expect(trackerUpTo(EMPTY_TRACKER, 0n)).toBe(EMPTY_TRACKER)
  })

  test('a clock or sequence that runs backwards is passed over (SQ-3)', () => {
    const loaded = tracker([10, 1000])
    expect(trackerInsert(loaded, 11n, 999)).toBe(loaded)
    expect(trackerInsert(loaded, 9n, 2000)).toBe(loaded)
  })

  test('the 8193rd pair leaves every other one, the new one last', () => {
    const full = {
      seqs: Array.from({ length: 8192 }, (_, i) => BigInt(i)),
      times: Array.from({ length: 8192 }, (_, i) => i * 60),
    }
    const kept = trackerInsert(full, 8192n, 8192 * 60)
    expect(kept.seqs.length).toBe(4097)
    expect(kept.seqs[0]).toBe(0n)
    expect(kept.seqs[1]).toBe(2n)
    expect(kept.seqs.at(-1)).toBe(8192n)
    expect(kept.times.at(-1)).toBe(8192 * 60)
    expect(decodeTracker(encodeTracker(kept), 'x').seqs).toEqual(kept.seqs)
  })

  test('a memtable is folded in by the same rule (SQ-2)', () => {
    let manifest = trackerInsert(EMPTY_TRACKER, 1n, 100)
    manifest = trackerMerge(manifest, tracker([5, 130], [9, 170], [12, 300]))
    expect(pairs(manifest)).toEqual([
      [1, 100],
      [9, 170],
      [12, 300],
    ])
    expect(trackerMerge(manifest, EMPTY_TRACKER)).toBe(manifest)
  })
})

describe('lookups (SQ-4)', () => {
  const points = tracker([10, 100], [20, 200], [20, 260], [30, 400])

  test.each([
    [9n, undefined, 100],
    [10n, 100, 100],
    [15n, 100, 200],
    [20n, 260, 200],
    [30n, 400, 400],
    [31n, 400, undefined],
  ])('time of sequence number %i: down %s, up %s', (seq, down, up) => {
    expect(timeOfSeq(points, seq, 'down')).toBe(down)
    expect(timeOfSeq(points, seq, 'up')).toBe(up)
  })

  test.each([
    [99, undefined, 10n],
    [100, 10n, 10n],
    [199, 10n, 20n],
    [300, 20n, 30n],
    [400, 30n, 30n],
    [401, 30n, undefined],
  ])('sequence number at %i s: down %s, up %s', (time, down, up) => {
    expect(seqOfTime(points, time, 'down')).toBe(down)
    expect(seqOfTime(points, time, 'up')).toBe(up)
  })

  test('as 0.18.0 answers them, over a day and a compaction', () => {
    const folder = join(import.meta.dirname, '../../test/fixtures/slatedb-0.18.0/sequence-tracker')
    const manifests = join(folder, 'store/db/manifest')
    const newest = readdirSync(manifests).sort().at(-1)!
    const { sequenceTracker } = decodeManifest(new Uint8Array(readFileSync(join(manifests, newest))), newest)
    const { points_by_the_crate: answers } = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'))
    expect(answers.length).toBeGreaterThan(40)
    for (const { seq, written_ms, round_up, seq_for_timestamp, timestamp_for_seq_ms } of answers) {
      const rounding = round_up ? 'up' : 'down'
      const time = timeOfSeq(sequenceTracker, BigInt(seq), rounding)
      expect(time === undefined ? null : String(time * 1000)).toBe(timestamp_for_seq_ms)
      const found = seqOfTime(sequenceTracker, Math.floor(Number(written_ms) / 1000), rounding)
      expect(found === undefined ? null : Number(found)).toBe(seq_for_timestamp)
    }
  })

  test('nothing recorded', () => {
    expect(timeOfSeq(EMPTY_TRACKER, 1n, 'up')).toBeUndefined()
    expect(seqOfTime(EMPTY_TRACKER, 1, 'down')).toBeUndefined()
  })
})
