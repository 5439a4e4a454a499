import { describe, expect, test } from 'vitest'
import {
  drain,
  lift,
  line,
  lines,
  newest,
  type PlainRow,
  place,
  randomProbe,
  randomRows,
  randomShape,
} from '../../test/support/table-rows.ts'
import { compareBytes, EMPTY } from '../bytes/compare.ts'
import { ByteWriter } from '../bytes/writer.ts'
import { NO_TS, Row, TOMBSTONE, VALUE } from '../cursor/row.ts'
import { Random } from '../env/random.ts'
import { isSlateDBError } from '../errors.ts'
import { BlockBuilder, checkBlock, rowsEnd } from './block.ts'
import { ABSENT, BEYOND, BlockCursor, FOUND, findInBlock } from './block-cursor.ts'
import { ReverseBlockCursor } from './block-reverse.ts'
import { upgradeBlock } from './block-v1.ts'
import { flagsOf } from './rows.ts'

function build(rows: readonly PlainRow[], blockSize = 1 << 20): Uint8Array[] {
  const builder = new BlockBuilder(blockSize)
  const row = new Row()
  const blocks: Uint8Array[] = []
  for (const plain of rows) {
    place(plain, row)
    if (builder.add(row)) continue
    blocks.push(builder.finish())
    expect(builder.add(row)).toBe(true)
  }
  blocks.push(builder.finish())
  return blocks
}

/** Version 1, as its layout says; the engine itself never writes it. */
function buildV1(rows: readonly PlainRow[]): Uint8Array {
  const out = new ByteWriter()
  const offsets: number[] = []
  const first = rows[0]!.key
  for (const row of rows) {
    offsets.push(out.length)
    let shared = 0
    if (row !== rows[0])
      while (shared < first.length && shared < row.key.length && first[shared] === row.key[shared]) shared++
    out.u16(shared)
    out.u16(row.key.length - shared)
    out.append(row.key, shared)
    out.u64(Number(row.seq >> 32n), Number(row.seq & 0xffffffffn))
    out.u8(flagsOf(place(row, new Row())))
    for (const stamp of [row.expireTs, row.createTs]) {
      if (stamp !== NO_TS) out.u64(Math.floor(stamp / 2 ** 32) >>> 0, ((stamp % 2 ** 32) + 2 ** 32) % 2 ** 32)
    }
    if (row.kind === TOMBSTONE) continue
    out.u32(row.value.length)
    out.append(row.value)
  }
  for (const offset of offsets) out.u16(offset)
  out.u16(offsets.length)
  return out.toBytes()
}

function checkReads(block: Uint8Array, rows: readonly PlainRow[], random: Random): void {
  checkBlock(block)
  const forward = new BlockCursor()
  forward.open(block)
  expect(lines(drain(forward))).toEqual(lines(rows))
  expect(forward.next()).toBe(false)
  const backward = new ReverseBlockCursor()
  backward.open(block)
  expect(lines(drain(backward))).toEqual(lines(rows).reverse())
  expect(backward.next()).toBe(false)

  const row = new Row()
  for (let i = 0; i < 40; i++) {
    const key = randomProbe(random, rows)
    const versions = rows.filter((each) => compareBytes(each.key, key) === 0)
    const maxSeq = random.chance(0.3)
      ? 2n ** 64n - 1n
      : versions.length > 0
        ? random.pick(versions).seq - BigInt(random.int(0, 1))
        : 5n
    const wanted = newest(rows, key, maxSeq)
    const found = findInBlock(block, key, Number(maxSeq >> 32n), Number(maxSeq & 0xffffffffn), row)
    if (wanted === undefined) {
      expect(found).toBe(rows.some((each) => compareBytes(each.key, key) > 0) ? ABSENT : BEYOND)
    } else {
      expect(found).toBe(FOUND)
      expect(line(lift(row))).toBe(line(wanted))
    }
  }
  // Seeks mixed with steps, both ways.
  for (const descending of [false, true]) {
    const cursor = descending ? new ReverseBlockCursor() : new BlockCursor()
    cursor.open(block)
    const order = descending ? [...rows].reverse() : rows
    let at = -1
    for (let i = 0; i < 20 && at < order.length; i++) {
      if (random.chance(0.4)) {
        at++
        expect(cursor.next()).toBe(at < order.length)
      } else {
        const key = randomProbe(random, rows)
        const sign = descending ? -1 : 1
        at = Math.max(at, 0)
        while (at < order.length && sign * compareBytes(order[at]!.key, key) < 0) at++
        expect(cursor.seek(key)).toBe(at < order.length)
      }
      if (at < order.length) expect(line(lift(cursor.row))).toBe(line(order[at]!))
    }
  }
}

function checkAll(blocks: readonly Uint8Array[], rows: readonly PlainRow[], random: Random): void {
  let from = 0
  for (const block of blocks) {
    const cursor = new BlockCursor()
    cursor.open(block)
    const count = drain(cursor).length
    checkReads(block, rows.slice(from, from + count), random)
    from += count
  }
  expect(from).toBe(rows.length)
}

describe('random rows come back', () => {
  test.each(Array.from({ length: 120 }, (_, seed) => seed))('seed %i', (seed) => {
    const random = new Random(`block ${seed}`)
    const rows = randomRows(random, randomShape(random, random.pick([1, 2, 16, 17, 100, 300])))
    const blocks = build(rows, random.pick([64, 1024, 4096, 1 << 20]))
    checkAll(blocks, rows, random)
  })

  test.each(Array.from({ length: 60 }, (_, seed) => seed))('version 1, seed %i', (seed) => {
    const random = new Random(`block v1 ${seed}`)
    const rows = randomRows(random, { ...randomShape(random, random.pick([1, 2, 30, 100])), maxValueLength: 40 })
    checkReads(upgradeBlock(buildV1(rows)), rows, random)
  })
})

test('a block is as full as the original would make it', () => {
  const row = place(
    { key: new Uint8Array([1, 2]), value: new Uint8Array(10), seq: 1n, kind: VALUE, createTs: NO_TS, expireTs: NO_TS },
    new Row(),
  )
  // First row: 3 lengths, 2 key bytes, 10 value bytes, 9 of seq and flags = 24; a restart and the count = 4.
  const builder = new BlockBuilder(28 + 22)
  expect(builder.add(row)).toBe(true)
  expect(builder.size).toBe(28)
  expect(builder.add(row)).toBe(true)
  expect(builder.size).toBe(50)
  expect(builder.add(row)).toBe(false)
  const tight = new BlockBuilder(28 + 21)
  tight.add(row)
  expect(tight.add(row)).toBe(false)
})

test('long keys and rows larger than a block', () => {
  // Longer than releases before 0.17 write.
  const key = new Uint8Array(200_000).fill(7)
  const rows: PlainRow[] = [
    {
      key: key.slice(0, 40000),
      value: new Uint8Array(200_000).fill(1),
      seq: 3n,
      kind: VALUE,
      createTs: 5,
      expireTs: NO_TS,
    },
    { key, value: EMPTY, seq: 2n, kind: VALUE, createTs: NO_TS, expireTs: -4 },
    { key, value: new Uint8Array(300), seq: 1n, kind: VALUE, createTs: NO_TS, expireTs: NO_TS },
  ]
  const random = new Random('long')
  checkAll(build(rows), rows, random)
  expect(build(rows, 1024).length).toBe(3)
})

test('the largest expiry does not turn into the smallest', () => {
  const row = {
    key: new Uint8Array([1]),
    value: EMPTY,
    seq: 1n,
    kind: VALUE,
    createTs: NO_TS,
    expireTs: 2 ** 63,
  } as const
  const cursor = new BlockCursor()
  cursor.open(build([row])[0]!)
  cursor.next()
  expect(cursor.row.expireTs).toBe(2 ** 63)
})

describe('other layouts that are legal', () => {
  test('numbers longer than they need to be, and sharing less than possible', () => {
    // shared 0 | unshared 2 as three bytes | value 1 | "ab" "x" seq 9 flags 0, then shared 1 of "ab" -> "ac" in 6 bytes
    const bytes = [0, 0x82, 0x80, 0, 1, 97, 98, 120, 0, 0, 0, 0, 0, 0, 0, 9, 0]
    const second = [0x81, 0x80, 0x80, 0x80, 0x80, 0, 1, 0, 99, 0, 0, 0, 0, 0, 0, 0, 8, 0]
    const third = [0, 2, 0, 97, 100, 0, 0, 0, 0, 0, 0, 0, 7, 0]
    const block = new Uint8Array([...bytes, ...second, ...third, 0, 0, 0, 1])
    checkBlock(block)
    const cursor = new BlockCursor()
    cursor.open(block)
    expect(lines(drain(cursor))).toEqual([
      '6162@9V=78 -Infinity -Infinity',
      '6163@8V= -Infinity -Infinity',
      '6164@7V= -Infinity -Infinity',
    ])
    const reverse = new ReverseBlockCursor()
    reverse.open(block)
    expect(drain(reverse).map((row) => row.seq)).toEqual([7n, 8n, 9n])
    expect(findInBlock(block, new Uint8Array([97, 100]), 0, 100, new Row())).toBe(FOUND)
  })

  test('a tombstone with a value: the value is skipped', () => {
    const block = new Uint8Array([
      0, 1, 2, 97, 1, 2, 0, 0, 0, 0, 0, 0, 0, 9, 1, 0, 1, 0, 98, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 1,
    ])
    checkBlock(block)
    const cursor = new BlockCursor()
    cursor.open(block)
    expect(lines(drain(cursor))).toEqual(['61@9T= -Infinity -Infinity', '62@8V= -Infinity -Infinity'])
  })
})

describe('damage is noticed', () => {
  const random = new Random('damage')
  const rows = randomRows(random, { count: 60, alphabet: 4, maxKeyLength: 20, maxValueLength: 30, versions: 0.3 })
  const v2 = build(rows)[0]!
  const v1 = buildV1(rows)

  /** Damaged bytes either do not pass the check, or read the same both ways without trouble. */
  function survive(block: Uint8Array, version: 1 | 2): void {
    let checked: Uint8Array
    try {
      checked = version === 1 ? upgradeBlock(block) : block
      checkBlock(checked)
    } catch (error) {
      if (!isSlateDBError(error) || error.kind !== 'Data') throw error
      return
    }
    const forward = new BlockCursor()
    forward.open(checked)
    const seen = lines(drain(forward))
    const backward = new ReverseBlockCursor()
    backward.open(checked)
    expect(lines(drain(backward)).reverse()).toEqual(seen)
    for (const row of rows.slice(0, 5)) findInBlock(checked, row.key, 0, 1000, new Row())
  }

  test.each([
    [v2, 2],
    [v1, 1],
  ] as const)('every truncation', (block, version) => {
    for (let length = 0; length < block.length; length++) survive(block.slice(0, length), version)
  })

  test.each([
    [v2, 2],
    [v1, 1],
  ] as const)('flips', (block, version) => {
    for (let i = 0; i < 2500; i++) {
      const damaged = block.slice()
      for (let n = random.int(1, 3); n > 0; n--) damaged[random.int(0, block.length - 1)]! ^= 1 << random.int(0, 7)
      survive(damaged, version)
    }
  })

  test('noise', () => {
    for (let i = 0; i < 1500; i++) {
      const noise = random.bytes(random.int(0, 80))
      survive(noise, 2)
      survive(noise, 1)
    }
  })

  test.each([
    ['no restarts', [1, 2, 3, 0, 0]],
    ['empty', []],
    ['unknown flag', [0, 1, 0, 97, 0, 0, 0, 0, 0, 0, 0, 9, 16, 0, 0, 0, 1]],
    ['tombstone and operand', [0, 1, 0, 97, 0, 0, 0, 0, 0, 0, 0, 9, 9, 0, 0, 0, 1]],
    ['restart inside a row', [0, 1, 0, 97, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 5, 0, 2]],
    ['shares with nothing', [1, 1, 0, 97, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 1]],
    ['endless number', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0, 0, 1]],
  ])('%s', (_, bytes) => {
    expect(() => checkBlock(new Uint8Array(bytes))).toThrow(/damaged block at offset \d+/)
  })

  test('a version 1 block whose keys would unfold without end is refused', () => {
    const first = new Uint8Array(60000).fill(1)
    const out = new ByteWriter()
    const offsets: number[] = []
    const add = (shared: number, tail: Uint8Array) => {
      offsets.push(out.length)
      out.u16(shared)
      out.u16(tail.length)
      out.append(tail)
      out.u64(0, 1)
      out.u8(1)
    }
    add(0, first)
    for (let i = 0; i < 2000; i++) add(i % 2 === 0 ? 0 : 59999, new Uint8Array([9]))
    for (const offset of offsets) out.u16(offset & 0xffff)
    out.u16(offsets.length)
    expect(() => upgradeBlock(out.toBytes())).toThrow(/not in order/)
  })
})

test('rowsEnd of what the builder makes', () => {
  const block = build(
    randomRows(new Random('end'), { count: 33, alphabet: 4, maxKeyLength: 9, maxValueLength: 9, versions: 0 }),
  )[0]!
  expect(block.length - rowsEnd(block)).toBe(2 + 3 * 2)
})
