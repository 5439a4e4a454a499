// How keys and values of the caller's kind become bytes and come back. The engine knows bytes only.

import { decodeUtf8, encodeUtf8, parseJson } from '../bytes/text.ts'
import { invalid, isSlateDBError, messageOf, show } from '../errors.ts'
import { jsonText } from './json-value.ts'
import { type Tuple, tuple } from './tuple.ts'

/** Bytes as they come in: text means its UTF-8. */
export type BytesInput = Uint8Array | ArrayBuffer | string

/** A way to write values of type `T` as bytes. `decode(encode(x))` must give `x` back. */
export interface Encoding<T> {
  /** For error messages. */
  readonly name: string
  encode(value: T): Uint8Array
  /** The bytes belong to the caller of `get`: they may be kept. */
  decode(bytes: Uint8Array): T
}

export type EncodingName = 'binary' | 'utf8' | 'json' | 'tuple'

/** `'binary'` (default), `'utf8'`, `'json'`, `'tuple'` (arrays, ordered), or one of your own. */
// biome-ignore lint/suspicious/noExplicitAny: an encoding of any type is an encoding; `unknown` would refuse all inputs.
export type EncodingOption = EncodingName | Encoding<any>

/** What an encoding gives back. */
export type Decoded<E> = E extends 'binary'
  ? Uint8Array
  : E extends 'utf8'
    ? string
    : E extends 'json'
      ? // biome-ignore lint/suspicious/noExplicitAny: JSON is whatever was stored, as for JSON.parse.
        any
      : E extends 'tuple'
        ? Tuple
        : E extends Encoding<infer T>
          ? T
          : never

/** `T`, unless this call names an encoding of its own. */
export type As<E, T> = E extends EncodingOption ? Decoded<E> : T

/** What may be passed where `T` comes out: any accepted form of bytes for bytes, else a `T`. `any` stays `any`. */
export type Input<T> = 0 extends 1 & T ? T : [T] extends [Uint8Array] ? BytesInput : T

export const binary: Encoding<Uint8Array> = { name: 'binary', encode: toBytes, decode: (bytes) => bytes }

export const utf8: Encoding<string> = {
  name: 'utf8',
  encode(text) {
    // Bytes are welcome too: a caller who already has UTF-8 need not decode it first.
    return toBytes(text)
  },
  decode: decodeText,
}

export const json: Encoding<unknown> = {
  name: 'json',
  encode(value) {
    return encodeText(jsonText(value))
  },
  decode: parseJson,
}

const NAMED: Readonly<Record<EncodingName, Encoding<never>>> = {
  binary: binary as Encoding<never>,
  utf8: utf8 as Encoding<never>,
  json: json as Encoding<never>,
  tuple: tuple as unknown as Encoding<never>,
}

/** An encoding that turns its own failures into Invalid errors which say what to do. */
export interface Codec {
  readonly name: string
  encode(value: unknown): Uint8Array
  decode(bytes: Uint8Array): unknown
}

/** The codec behind `option`; `what` is 'key' or 'value'. */
export function codecOf(option: EncodingOption, what: 'key' | 'value'): Codec {
  const encoding = typeof option === 'string' ? NAMED[option] : (option as Encoding<unknown>)
  if (typeof encoding?.encode !== 'function' || typeof encoding.decode !== 'function') {
    throw invalid(
      'INVALID_ENCODING',
      `${what}Encoding must be 'binary', 'utf8', 'json', 'tuple' or an object with encode and decode, not ${show(option)}`,
    )
  }
  if (encoding === (binary as Encoding<unknown>)) return what === 'key' ? BINARY_KEY : BINARY_VALUE
  return guarded(encoding as Encoding<unknown>, what)
}

const BINARY_KEY = guarded(binary as Encoding<unknown>, 'key')
const BINARY_VALUE = guarded(binary as Encoding<unknown>, 'value')

function guarded(encoding: Encoding<unknown>, what: string): Codec {
  // It may be a plug-in's, in plain JavaScript.
  const name = typeof encoding.name === 'string' ? encoding.name : 'without a name'
  return {
    name,
    encode(value) {
      let bytes: Uint8Array
      try {
        bytes = encoding.encode(value)
      } catch (cause) {
        if (isSlateDBError(cause)) throw cause
        throw invalid('ENCODE', `this ${what} does not fit the encoding ${name}: ${messageOf(cause)}`, { cause })
      }
      if (bytes instanceof Uint8Array) return bytes
      throw invalid('ENCODE', `the ${what} encoding ${name} must make a Uint8Array, it made ${show(bytes)}`)
    },
    decode(bytes) {
      try {
        return encoding.decode(bytes)
      } catch (cause) {
        if (isSlateDBError(cause)) throw cause
        throw invalid(
          'DECODE',
          `a stored ${what} is not ${name}: ${messageOf(cause)}; read it with the ${what}Encoding that it was written with`,
          { cause },
        )
      }
    },
  }
}

/** Bytes of any accepted input; the caller's own buffer when it is bytes already. */
export function toBytes(input: BytesInput): Uint8Array {
  if (typeof input === 'string') return encodeText(input)
  if (input instanceof Uint8Array) return input
  if (input instanceof ArrayBuffer) return new Uint8Array(input)
  // Arrays of another realm (a test runner's sandbox, an iframe) are no instances of this one's classes.
  const foreign: unknown = input
  if (ArrayBuffer.isView(foreign)) return new Uint8Array(foreign.buffer, foreign.byteOffset, foreign.byteLength)
  if (Object.prototype.toString.call(foreign) === '[object ArrayBuffer]') return new Uint8Array(foreign as ArrayBuffer)
  throw new TypeError(`it must be a Uint8Array, an ArrayBuffer or a string, not ${show(foreign)}`)
}

/** Short ASCII in a loop: a native call costs more than the work. */
const SHORT = 48

function encodeText(text: string): Uint8Array {
  const { length } = text
  if (length > SHORT) return encodeFully(text)
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 0x80) return encodeFully(text)
    bytes[i] = code
  }
  return bytes
}

function encodeFully(text: string): Uint8Array {
  // A lone surrogate has no UTF-8: it would become U+FFFD, and two different keys would become one.
  if (/\p{Surrogate}/u.test(text)) throw new TypeError('the text has a lone surrogate, which UTF-8 cannot hold')
  return encodeUtf8(text)
}

function decodeText(bytes: Uint8Array): string {
  const { length } = bytes
  if (length > SHORT) return decodeUtf8(bytes)
  let text = ''
  for (let i = 0; i < length; i++) {
    const byte = bytes[i]!
    if (byte >= 0x80) return decodeUtf8(bytes)
    text += String.fromCharCode(byte)
  }
  return text
}
