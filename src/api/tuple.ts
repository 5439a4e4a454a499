// Arrays as keys, so that bytes order as the arrays do and an array's bytes begin with those of its own beginnings
// (which makes `{ prefix: [2026, 11] }` work). Each element is a tag and a body:
//
//   null    01
//   bytes   02 body 00        inside the body 00 is written 01 01, and 01 is written 01 02
//   string  03 body 00        UTF-8, likewise
//   array   05 elements 00
//   bigint  0B len:u8 body    below zero: len and body inverted, so longer comes first
//   bigint  0C len:u8 body    zero and above: big-endian, without leading zeros
//   number  21 f64            big-endian; sign bit flipped, or all bits when it is negative
//   false   26
//   true    27
//
// No element's bytes are the beginning of another's, so a prefix never catches half an element. An array has one form
// only: decoding refuses any other bytes, or two keys would show as one.
// Elements of different types order by tag: null, bytes, string, array, bigint, number, boolean. The tags live on
// storage: never renumber.

import { decodeUtf8, encodeUtf8 } from '../bytes/text.ts'

export type TupleElement = null | boolean | number | bigint | string | Uint8Array | readonly TupleElement[]
export type Tuple = readonly TupleElement[]

const END = 0x00
const ESCAPE = 0x01
const NULL = 0x01
const BYTES = 0x02
const STRING = 0x03
const ARRAY = 0x05
const NEGATIVE = 0x0b
const NATURAL = 0x0c
const DOUBLE = 0x21
const FALSE = 0x26
const TRUE = 0x27

/** Arrays in arrays, deeper than anyone needs: every level is a call on the stack. */
const MAX_DEPTH = 256

/** Key encoding for arrays of numbers, strings, bigints, booleans, bytes, null and arrays of them, in order. */
export const tuple = {
  name: 'tuple',
  encode(elements: Tuple): Uint8Array {
    if (!Array.isArray(elements)) throw new TypeError('a tuple is an array')
    const out: number[] = []
    for (const element of elements) write(out, element, 1)
    return Uint8Array.from(out)
  },
  decode(bytes: Uint8Array): Tuple {
    const reader = new Reader(bytes)
    const elements: TupleElement[] = []
    while (reader.at < bytes.length) elements.push(reader.element(1))
    return elements
  },
}

function write(out: number[], element: TupleElement, depth: number): void {
  if (element === null) {
    out.push(NULL)
  } else if (element === true || element === false) {
    out.push(element ? TRUE : FALSE)
  } else if (typeof element === 'number') {
    writeDouble(out, element)
  } else if (typeof element === 'bigint') {
    writeBigInt(out, element)
  } else if (typeof element === 'string') {
    if (/\p{Surrogate}/u.test(element)) throw new TypeError('the text has a lone surrogate, which UTF-8 cannot hold')
    writeEscaped(out, STRING, encodeUtf8(element))
  } else if (element instanceof Uint8Array) {
    writeEscaped(out, BYTES, element)
  } else if (Array.isArray(element)) {
    checkDepth(depth)
    out.push(ARRAY)
    for (const inner of element as Tuple) write(out, inner, depth + 1)
    out.push(END)
  } else {
    throw new TypeError(`a tuple cannot hold ${element === undefined ? 'undefined' : typeof element}`)
  }
}

function checkDepth(depth: number): void {
  if (depth > MAX_DEPTH) throw new TypeError(`a tuple has at most ${MAX_DEPTH} arrays inside each other`)
}

function writeEscaped(out: number[], tag: number, body: Uint8Array): void {
  out.push(tag)
  for (const byte of body) {
    if (byte <= ESCAPE) out.push(ESCAPE, byte + 1)
    else out.push(byte)
  }
  out.push(END)
}

function writeDouble(out: number[], value: number): void {
  if (Number.isNaN(value)) throw new TypeError('NaN has no place in an order')
  const view = new DataView(new ArrayBuffer(8))
  // -0 equals 0, so both must be one key.
  view.setFloat64(0, value === 0 ? 0 : value)
  const negative = view.getUint8(0) >= 0x80
  out.push(DOUBLE)
  for (let i = 0; i < 8; i++) out.push(view.getUint8(i) ^ (negative ? 0xff : i === 0 ? 0x80 : 0))
}

function writeBigInt(out: number[], value: bigint): void {
  const negative = value < 0n
  const hex = value === 0n ? '' : (negative ? -value : value).toString(16)
  const body: number[] = []
  const even = hex.length % 2 === 0 ? hex : `0${hex}`
  for (let i = 0; i < even.length; i += 2) body.push(Number.parseInt(even.slice(i, i + 2), 16))
  if (body.length > 255) throw new TypeError('a bigint in a tuple has at most 255 bytes')
  const flip = negative ? 0xff : 0
  out.push(negative ? NEGATIVE : NATURAL, body.length ^ flip)
  for (const byte of body) out.push(byte ^ flip)
}

class Reader {
  readonly #bytes: Uint8Array
  at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  element(depth: number): TupleElement {
    const tag = this.#byte()
    switch (tag) {
      case NULL:
        return null
      case FALSE:
        return false
      case TRUE:
        return true
      case BYTES:
        return this.#escaped()
      case STRING:
        return decodeUtf8(this.#escaped())
      case DOUBLE:
        return this.#double()
      case NATURAL:
      case NEGATIVE:
        return this.#bigint(tag === NEGATIVE ? 0xff : 0)
      case ARRAY:
        checkDepth(depth)
        return this.#array(depth)
      default:
        throw new TypeError(`byte 0x${tag.toString(16)} at ${this.at - 1} begins no tuple element`)
    }
  }

  #array(depth: number): TupleElement[] {
    const elements: TupleElement[] = []
    while (this.#peek() !== END) elements.push(this.element(depth + 1))
    this.at++
    return elements
  }

  #escaped(): Uint8Array {
    const out: number[] = []
    for (let byte = this.#byte(); byte !== END; byte = this.#byte()) {
      out.push(byte === ESCAPE ? this.#escapedByte() : byte)
    }
    return Uint8Array.from(out)
  }

  #escapedByte(): number {
    const byte = this.#byte()
    if (byte !== ESCAPE && byte !== ESCAPE + 1) throw this.#strange('an escape that stands for nothing')
    return byte - 1
  }

  #double(): number {
    const view = new DataView(new ArrayBuffer(8))
    const first = this.#byte()
    const negative = first < 0x80
    view.setUint8(0, first ^ (negative ? 0xff : 0x80))
    for (let i = 1; i < 8; i++) view.setUint8(i, this.#byte() ^ (negative ? 0xff : 0))
    const value = view.getFloat64(0)
    if (Number.isNaN(value) || Object.is(value, -0)) throw this.#strange('a number that no tuple is written with')
    return value
  }

  #bigint(flip: number): bigint {
    let value = 0n
    const length = this.#byte() ^ flip
    for (let i = 0; i < length; i++) {
      const byte = this.#byte() ^ flip
      if (i === 0 && byte === 0) throw this.#strange('a bigint with a leading zero')
      value = (value << 8n) | BigInt(byte)
    }
    if (flip !== 0 && value === 0n) throw this.#strange('a negative zero')
    return flip === 0 ? value : -value
  }

  #strange(what: string): TypeError {
    return new TypeError(`${what} before byte ${this.at}`)
  }

  #peek(): number {
    const byte = this.#bytes[this.at]
    if (byte === undefined) throw new TypeError('the tuple ends in the middle of an element')
    return byte
  }

  #byte(): number {
    const byte = this.#peek()
    this.at++
    return byte
  }
}
