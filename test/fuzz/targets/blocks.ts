// Data blocks: rows that no builder would write, behind checksums that are right. What is accepted must read the same
// forwards, backwards, by seek, and as a parser that knows no tricks reads it.

import { compareBytes } from '../../../src/bytes/compare.ts'
import { ByteWriter } from '../../../src/bytes/writer.ts'
import { Row } from '../../../src/cursor/row.ts'
import type { Random } from '../../../src/env/random.ts'
import { BlockBuilder, checkBlock, eachRow } from '../../../src/format/block.ts'
import { BEYOND, BlockCursor, FOUND, findInBlock } from '../../../src/format/block-cursor.ts'
import { ReverseBlockCursor } from '../../../src/format/block-reverse.ts'
import { upgradeBlock } from '../../../src/format/block-v1.ts'
import { drain, line, type PlainRow, place, randomProbe, randomRows, randomShape } from '../../support/table-rows.ts'
import { mutate, oddNumber, someSize } from '../mutate.ts'
import { must, type Target } from '../target.ts'

/** A row as it is spelled: what it says it shares need not be true. */
interface Spelled {
  shared: number
  tail: Uint8Array
  value: Uint8Array
  flags: number
}

/** Keys longer than this in all are not spelled out by the simple parser: 20,000 rows may share 60,000 bytes. */
const MOST_KEY_BYTES = 1 << 20

function spelledRows(random: Random, count: number): Spelled[] {
  const wild = random.chance(0.5)
  let length = 0
  return Array.from({ length: count }, (_, i) => {
    const tail = random.bytes(random.int(0, random.pick([2, 8, random.chance(0.02) ? 60_000 : 8])))
    const most = random.chance(0.3) ? length : Math.min(length, 20)
    let shared = i % 16 === 0 ? 0 : random.int(0, most)
    if (wild && random.chance(0.01)) shared = length + random.pick([1, 100, 0xffff])
    length = Math.min(0xffff, shared + tail.length)
    let flags = random.pick([0, 0, 0, 1, 2, 4, 6, 8, 12, 3, 7])
    if (wild && random.chance(0.01)) flags = random.int(0, 255)
    return { shared, tail, value: random.bytes((flags & 1) !== 0 && !wild ? 0 : random.int(0, 12)), flags }
  })
}

/** LEB128, now and then longer than it need be. */
function varint(random: Random, out: ByteWriter, value: number): void {
  const before = out.length
  out.varint(value)
  if (!random.chance(0.02)) return
  out.bytes[out.length - 1]! |= 0x80
  for (let n = random.int(0, 9 - (out.length - before)); n > 0; n--) out.u8(0x80)
  out.u8(random.pick([0, 0, 0, 0x80]))
}

function tail(random: Random, out: ByteWriter, flags: number): void {
  out.u64(random.pick([0, 0, 1, 0xffffffff]), random.u32())
  out.u8(flags)
}

function stamps(random: Random, out: ByteWriter, flags: number): void {
  for (const bit of [2, 4]) if ((flags & bit) !== 0) out.u64(random.pick([0, 0x7fffffff, 0x80000000]), random.u32())
}

function blockV2(random: Random, rows: readonly Spelled[]): Uint8Array {
  const out = new ByteWriter(1024)
  const restarts: number[] = []
  rows.forEach(({ shared, tail: key, value, flags }, i) => {
    if (i % 16 === 0 || (shared === 0 && random.chance(0.2))) restarts.push(out.length & 0xffff)
    varint(random, out, shared)
    varint(random, out, key.length)
    varint(random, out, value.length)
    out.append(key)
    out.append(value)
    tail(random, out, flags)
    stamps(random, out, flags)
  })
  const wrong = random.chance(0.1)
  for (const restart of restarts)
    out.u16(wrong && random.chance(0.3) ? oddNumber(random, out.length) & 0xffff : restart)
  out.u16(random.chance(0.02) ? oddNumber(random, restarts.length) & 0xffff : restarts.length)
  return out.toBytes()
}

/** The same rows as a block of version 1, where all share with the first key. */
function blockV1(random: Random, rows: readonly Spelled[]): Uint8Array {
  const out = new ByteWriter(1024)
  const offsets: number[] = []
  const first = rows[0]?.tail.length ?? 0
  rows.forEach(({ shared, tail: key, value, flags }, i) => {
    offsets.push(out.length)
    out.u16(i === 0 ? 0 : Math.min(0xffff, random.chance(0.99) ? Math.min(shared, first) : shared))
    out.u16(Math.min(0xffff, key.length))
    out.append(key)
    tail(random, out, flags)
    stamps(random, out, flags)
    if ((flags & 1) === 0) {
      out.u32(value.length)
      out.append(value)
    }
  })
  for (const offset of offsets) out.u16(offset & 0xffff)
  out.u16(offsets.length)
  return out.toBytes()
}

/** All that may be read of a checked block; answers its rows in order. */
function readEveryWay(random: Random, block: Uint8Array): readonly PlainRow[] | undefined {
  let keyBytes = 0
  let count = 0
  eachRow(block, (keyLength) => {
    keyBytes += keyLength
    count++
  })
  const forward = new BlockCursor()
  forward.open(block)
  const backward = new ReverseBlockCursor()
  backward.open(block)
  if (keyBytes > MOST_KEY_BYTES) {
    let [there, back] = [0, 0]
    while (forward.next()) there++
    while (backward.next()) back++
    must(there === count && back === count, `${count} rows, ${there} forwards, ${back} backwards`)
    return undefined
  }
  const rows = drain(forward)
  must(rows.length === count, `${rows.length} rows came forwards, ${count} are there`)
  const reversed = drain(backward).reverse()
  must(reversed.length === count, `${reversed.length} rows came backwards, ${count} are there`)
  for (let i = 0; i < count; i++) must(line(rows[i]!) === line(reversed[i]!), `row ${i} differs backwards`)
  const sorted = rows.every((row, i) => i === 0 || compareBytes(rows[i - 1]!.key, row.key) <= 0)
  for (let n = 0; n < 3; n++) seekIn(random, block, rows, sorted)
  return rows
}

function seekIn(random: Random, block: Uint8Array, rows: readonly PlainRow[], sorted: boolean): void {
  const key = randomProbe(random, rows)
  const forward = new BlockCursor()
  forward.open(block)
  const there = forward.seek(key) ? drainFrom(forward) : []
  const backward = new ReverseBlockCursor()
  backward.open(block)
  const back = backward.seek(key) ? drainFrom(backward) : []
  const row = new Row()
  const found = findInBlock(block, key, 0xffffffff, 0xffffffff, row)
  if (!sorted) return
  const expected = rows.filter((one) => compareBytes(one.key, key) >= 0)
  must(there.length === expected.length, `seek gives ${there.length} rows, ${expected.length} are not below`)
  const below = rows.filter((one) => compareBytes(one.key, key) <= 0)
  must(back.length === below.length, `seek backwards gives ${back.length} rows, ${below.length} are not above`)
  const own = rows.find((one) => compareBytes(one.key, key) === 0)
  must((found === FOUND) === (own !== undefined), 'the search for a key and the scan disagree')
  if (own === undefined) must((found === BEYOND) === (expected.length === 0), 'the search says wrongly where to go on')
}

function drainFrom(cursor: { next(): boolean; readonly row: Row }): number[] {
  const seen = [1]
  while (cursor.next()) seen.push(1)
  return seen
}

const builtBlock: Target = {
  name: 'block-built',
  make(random) {
    const rows = randomRows(random, randomShape(random, random.int(1, 60)))
    const builder = new BlockBuilder(random.pick([1024, 4096, 65_536]))
    let count = 0
    const row = new Row()
    while (count < rows.length && builder.add(place(rows[count]!, row))) count++
    const input = builder.finish()
    return {
      input,
      valid: true,
      run() {
        checkBlock(input)
        const read = readEveryWay(random, input)
        must(read?.length === count, `${read?.length} rows, ${count} were added`)
        read?.forEach((one, i) => void must(line(one) === line(rows[i]!), `row ${i} is another than was added`))
      },
    }
  },
}

const blockV2Target: Target = {
  name: 'block-v2',
  make(random) {
    const block = blockV2(random, spelledRows(random, 1 + someSize(random, 40, 20_000)))
    const input = random.chance(0.5) ? block : mutate(random, block)
    return {
      input,
      run() {
        checkBlock(input)
        readEveryWay(random, input)
      },
    }
  },
}

const blockV1Target: Target = {
  name: 'block-v1',
  make(random) {
    const block = blockV1(random, spelledRows(random, 1 + someSize(random, 40, 5000)))
    const input = random.chance(0.5) ? block : mutate(random, block)
    return {
      input,
      run() {
        const upgraded = upgradeBlock(input)
        checkBlock(upgraded)
        readEveryWay(random, upgraded)
      },
    }
  },
}

export const blockTargets: readonly Target[] = [builtBlock, blockV2Target, blockV1Target]
