// Zstandard frames (RFC 8878), for runtimes without a native decoder. Ours, because hostile input makes the packages for
// it loop or work without bound: here every size is checked before memory is taken or bytes are touched, and the work is
// bounded by the output, which is bounded by `maxSize` and by what the blocks can hold.
//
//   compressed block := literals sequences      sequence := (literal length, match length, offset), entropy-coded
//
// zstd-frame.ts has the headers around blocks, zstd-tables.ts the entropy codes inside them.

import { tooLarge } from './codec.ts'
import {
  DEFAULT_LENGTHS,
  DEFAULT_MATCHES,
  DEFAULT_OFFSETS,
  LENGTH_BASE,
  LENGTH_BITS,
  MATCH_BASE,
  MATCH_BITS,
} from './zstd-defaults.ts'
import { type FrameHeader, frameAt, u24 } from './zstd-frame.ts'
import {
  bitsBelow,
  constantTable,
  damaged,
  type FseTable,
  type HuffmanTable,
  readFseTable,
  readHuffmanTable,
  streamBits,
} from './zstd-tables.ts'

const EMPTY = new Uint8Array(0)

export function decodeZstd(stored: Uint8Array, maxSize: number): Uint8Array {
  if (stored.length === 0) throw damaged('no frame')
  // All frames are measured before the first is decoded, so that they share one output and none is copied again.
  let most = 0
  for (let at = 0; at < stored.length; ) {
    const frame = frameAt(stored, at)
    most += frame.declared ?? frame.most
    if (frame.declared !== undefined && frame.declared > maxSize) throw tooLarge('zstd', frame.declared, maxSize)
    at = frame.end
  }
  const out = new Uint8Array(Math.min(most, maxSize))
  let to = 0
  for (let at = 0; at < stored.length; ) {
    const frame = frameAt(stored, at)
    if (!frame.skipped) to = new Frame(stored, frame, out, to, maxSize).decode()
    at = frame.end
  }
  return to === out.length ? out : out.slice(0, to)
}

/** Decodes the blocks of one frame. */
class Frame {
  readonly #in: Uint8Array
  readonly #blocksAt: number
  readonly #maxBlock: number
  readonly #declared: number | undefined
  readonly #maxSize: number
  readonly #out: Uint8Array
  /** Where in `#out` the frame begins: no match reaches back further. And where its output must end. */
  readonly #start: number
  readonly #limit: number
  #to: number
  #huffman: HuffmanTable | undefined
  #lengths: FseTable | undefined
  #offsets: FseTable | undefined
  #matches: FseTable | undefined
  #repeat1 = 1
  #repeat2 = 4
  #repeat3 = 8
  /** The literals of the block at hand. */
  #literals: Uint8Array = EMPTY
  #literalsAt = 0
  #literalsEnd = 0

  constructor(bytes: Uint8Array, header: FrameHeader, out: Uint8Array, start: number, maxSize: number) {
    this.#in = bytes
    this.#blocksAt = header.blocksAt
    this.#maxBlock = header.maxBlock
    this.#declared = header.declared
    this.#maxSize = maxSize
    this.#out = out
    this.#start = start
    this.#limit = header.declared === undefined ? out.length : Math.min(out.length, start + header.declared)
    this.#to = start
  }

  /** Answers where the output ends. */
  decode(): number {
    let at = this.#blocksAt
    for (let last = false; !last; ) {
      const header = u24(this.#in, at)
      at += 3
      last = (header & 1) !== 0
      const size = header >> 3
      const type = (header >> 1) & 3
      if (type === 0) {
        this.#room(size)
        this.#out.set(this.#in.subarray(at, at + size), this.#to)
        this.#to += size
        at += size
      } else if (type === 1) {
        this.#room(size)
        this.#out.fill(this.#in[at]!, this.#to, this.#to + size)
        this.#to += size
        at += 1
      } else {
        this.#block(at, at + size)
        at += size
      }
    }
    const size = this.#to - this.#start
    if (this.#declared !== undefined && size !== this.#declared) {
      throw damaged(`${size} bytes came out, ${this.#declared} were declared`)
    }
    return this.#to
  }

  #room(size: number): void {
    if (this.#to + size > this.#limit) throw this.#overflow()
  }

  #overflow(): Error {
    const cut = this.#declared === undefined || this.#limit < this.#start + this.#declared
    return cut ? tooLarge('zstd', this.#maxSize + 1, this.#maxSize) : damaged('more than was declared')
  }

  #block(at: number, end: number): void {
    at = this.#readLiterals(at, end)
    const blockStart = this.#to
    if (at >= end) throw damaged('a block without sequences')
    const bytes = this.#in
    let count = bytes[at++]!
    if (count > 127) {
      if (at + (count === 255 ? 2 : 1) > end) throw damaged('cut off')
      count = count === 255 ? bytes[at++]! + (bytes[at++]! << 8) + 0x7f00 : ((count - 128) << 8) + bytes[at++]!
    }
    if (count > 0) {
      if (at >= end) throw damaged('cut off')
      const modes = bytes[at++]!
      if ((modes & 3) !== 0) throw damaged('unknown sequence modes')
      const lengths = this.#table(modes >> 6, at, end, this.#lengths, DEFAULT_LENGTHS, 9, 35)
      const offsets = this.#table((modes >> 4) & 3, lengths.next, end, this.#offsets, DEFAULT_OFFSETS, 8, 31)
      const matches = this.#table((modes >> 2) & 3, offsets.next, end, this.#matches, DEFAULT_MATCHES, 9, 52)
      this.#lengths = lengths.table
      this.#offsets = offsets.table
      this.#matches = matches.table
      this.#sequences(matches.next, end, count, blockStart)
    } else if (at !== end) throw damaged('bytes behind a block')
    // What no sequence took.
    const rest = this.#literalsEnd - this.#literalsAt
    this.#room(rest)
    if (this.#to + rest - blockStart > this.#maxBlock) throw damaged('a block that is too large')
    this.#out.set(this.#literals.subarray(this.#literalsAt, this.#literalsEnd), this.#to)
    this.#to += rest
  }

  #table(
    mode: number,
    at: number,
    end: number,
    before: FseTable | undefined,
    standard: FseTable,
    maxLog: number,
    maxSymbol: number,
  ): { table: FseTable; next: number } {
    if (mode === 0) return { table: standard, next: at }
    if (mode === 1) {
      if (at >= end || this.#in[at]! > maxSymbol) throw damaged('an unknown symbol')
      return { table: constantTable(this.#in[at]!), next: at + 1 }
    }
    if (mode === 2) return readFseTable(this.#in, at, end, maxLog, maxSymbol)
    if (before === undefined) throw damaged('a table that was never given')
    return { table: before, next: at }
  }

  #readLiterals(at: number, end: number): number {
    const bytes = this.#in
    if (at >= end) throw damaged('an empty block')
    const type = bytes[at]! & 3
    const format = (bytes[at]! >> 2) & 3
    const compressed = type > 1
    const headerLength = compressed ? (format < 2 ? 3 : format + 2) : format === 3 ? 3 : format === 1 ? 2 : 1
    if (at + headerLength > end) throw damaged('cut off')
    let header = 0
    for (let i = 0; i < headerLength; i++) header += bytes[at + i]! * 2 ** (8 * i)
    at += headerLength
    if (!compressed) {
      const size = headerLength === 1 ? header >> 3 : header >> 4
      if (size > this.#maxBlock) throw damaged(`${size} literals`)
      if (type === 0) {
        if (at + size > end) throw damaged('cut off')
        this.#literals = bytes
        this.#literalsAt = at
        this.#literalsEnd = at + size
        return at + size
      }
      if (at >= end) throw damaged('cut off')
      this.#takeLiterals(new Uint8Array(size).fill(bytes[at]!))
      return at + 1
    }
    const width = format < 2 ? 10 : format === 2 ? 14 : 18
    const size = Math.floor(header / 16) % 2 ** width
    const stored = Math.floor(header / 2 ** (4 + width))
    const next = at + stored
    if (size > this.#maxBlock || next > end) throw damaged(`${size} literals in ${stored} bytes`)
    if (type === 2) {
      const read = readHuffmanTable(bytes, at, next)
      this.#huffman = read.table
      at = read.next
    }
    const table = this.#huffman
    if (table === undefined) throw damaged('a tree that was never given')
    const literals = new Uint8Array(size)
    if (format === 0) huffmanStream(bytes, at, next, table, literals, 0, size)
    else {
      // Four streams; the lengths of the first three are written down.
      if (at + 6 > next) throw damaged('cut off')
      const part = (size + 3) >> 2
      if (part * 3 > size) throw damaged('four streams of too little')
      let from = at + 6
      for (let i = 0; i < 4; i++) {
        const to = i < 3 ? from + bytes[at + 2 * i]! + (bytes[at + 2 * i + 1]! << 8) : next
        if (to > next) throw damaged('cut off')
        huffmanStream(bytes, from, to, table, literals, part * i, i < 3 ? part * (i + 1) : size)
        from = to
      }
    }
    this.#takeLiterals(literals)
    return next
  }

  #takeLiterals(literals: Uint8Array): void {
    this.#literals = literals
    this.#literalsAt = 0
    this.#literalsEnd = literals.length
  }

  #sequences(start: number, end: number, count: number, blockStart: number): void {
    const bytes = this.#in
    const out = this.#out
    const literals = this.#literals
    const lengths = this.#lengths!
    const offsets = this.#offsets!
    const matches = this.#matches!
    let to = this.#to
    let from = this.#literalsAt
    const frameStart = this.#start
    const blockEnd = Math.min(this.#limit, blockStart + this.#maxBlock)
    let at = streamBits(bytes, start, end)
    const read = (bits: number): number => {
      const value =
        bits > 24
          ? bitsBelow(bytes, start, at, 24) * 2 ** (bits - 24) + bitsBelow(bytes, start, at - 24, bits - 24)
          : bitsBelow(bytes, start, at, bits)
      at -= bits
      return value
    }
    let lengthState = read(lengths.log)
    let offsetState = read(offsets.log)
    let matchState = read(matches.log)
    for (let i = 0; i < count; i++) {
      const offsetCode = offsets.symbols[offsetState]!
      const matchCode = matches.symbols[matchState]!
      const lengthCode = lengths.symbols[lengthState]!
      const offsetValue = 2 ** offsetCode + read(offsetCode)
      const matchLength = MATCH_BASE[matchCode]! + read(MATCH_BITS[matchCode]!)
      const length = LENGTH_BASE[lengthCode]! + read(LENGTH_BITS[lengthCode]!)
      if (i < count - 1) {
        lengthState = lengths.bases[lengthState]! + read(lengths.bits[lengthState]!)
        matchState = matches.bases[matchState]! + read(matches.bits[matchState]!)
        offsetState = offsets.bases[offsetState]! + read(offsets.bits[offsetState]!)
      }
      if (at < 0) throw damaged('the sequences are cut off')
      const offset = this.#offset(offsetValue, length)
      if (from + length > this.#literalsEnd) throw damaged('more literals than there are')
      if (to + length + matchLength > blockEnd) {
        if (blockEnd === this.#limit) throw this.#overflow()
        throw damaged('a block that is too large')
      }
      for (let j = 0; j < length; j++) out[to + j] = literals[from + j]!
      from += length
      to += length
      if (offset <= 0 || offset > to - frameStart) throw damaged('a match before the beginning')
      const source = to - offset
      for (let j = 0; j < matchLength; j++) out[to + j] = out[source + j]!
      to += matchLength
    }
    if (at !== 0) throw damaged('bits behind the sequences')
    this.#to = to
    this.#literalsAt = from
  }

  /** The three offsets used last have short names; without literals before it, a match shifts the names by one. */
  #offset(value: number, length: number): number {
    if (value > 3) {
      this.#repeat3 = this.#repeat2
      this.#repeat2 = this.#repeat1
      this.#repeat1 = value - 3
      return value - 3
    }
    const which = length === 0 ? value + 1 : value
    if (which === 1) return this.#repeat1
    const offset = which === 2 ? this.#repeat2 : which === 3 ? this.#repeat3 : this.#repeat1 - 1
    if (which > 2) this.#repeat3 = this.#repeat2
    this.#repeat2 = this.#repeat1
    this.#repeat1 = offset
    return offset
  }
}

function huffmanStream(
  bytes: Uint8Array,
  start: number,
  end: number,
  table: HuffmanTable,
  out: Uint8Array,
  from: number,
  to: number,
): void {
  const { log, symbols, bits } = table
  let at = streamBits(bytes, start, end)
  for (let i = from; i < to; i++) {
    const state = bitsBelow(bytes, start, at, log)
    out[i] = symbols[state]!
    at -= bits[state]!
  }
  if (at !== 0) throw damaged('a literal stream of another length')
}
