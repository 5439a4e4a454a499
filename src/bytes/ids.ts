// The two kinds of identifiers in stored records. Pure: whoever mints one brings the time and the random bytes.
//
//   ULID := 48-bit milliseconds, 80 random bits; 26 characters of Crockford base32, most significant first
//   UUID := 128 bits, version 4; the usual 8-4-4-4-12 hexadecimal text
//
// Both are stored as two u64 halves: {high, low} = the top and the bottom 64 bits (format.md section 1).

import { assert, invalid } from '../errors.ts'
import { copyOf } from './copy.ts'
import { fromHex, toHex } from './text.ts'

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const ULID_LENGTH = 26
const MAX_TIME = 2 ** 48 - 1

const CODE_OF = Array.from(ALPHABET, (character) => character.charCodeAt(0))

/** Value of each character code, -1 for characters outside the alphabet. */
const VALUE_OF = (() => {
  const values = new Int8Array(128).fill(-1)
  for (let i = 0; i < ALPHABET.length; i++) values[ALPHABET.charCodeAt(i)] = i
  return values
})()

export interface Halves {
  readonly high: bigint
  readonly low: bigint
}

/** A new ULID from a wall-clock time and at least 10 random bytes. */
export function mintUlid(timeMs: number, random: Uint8Array): string {
  assert(random.length >= 10, 'a ULID takes 10 random bytes')
  const time = Math.min(Math.max(Math.trunc(timeMs), 0), MAX_TIME)
  const bytes = new Uint8Array(16)
  putTime(bytes, time)
  bytes.set(random.subarray(0, 10), 6)
  return ulidFromBytes(bytes)
}

/** Canonical text only: 26 upper-case characters that fit 128 bits. */
export function isUlid(text: string): boolean {
  if (text.length !== ULID_LENGTH || text.charCodeAt(0) > 0x37) return false
  for (let i = 0; i < ULID_LENGTH; i++) {
    const code = text.charCodeAt(i)
    if (code > 127 || VALUE_OF[code]! < 0) return false
  }
  return true
}

/** Milliseconds since 1970 inside a valid ULID. */
export function ulidTime(text: string): number {
  let time = 0
  for (let i = 0; i < 10; i++) time = time * 32 + VALUE_OF[text.charCodeAt(i)]!
  return time
}

export function ulidFromBytes(bytes: Uint8Array): string {
  // 128 bits in 26 groups of 5: the first group holds the top 3 bits.
  const codes: number[] = new Array(ULID_LENGTH)
  let pending = 0
  let bits = 2
  let at = 0
  for (let i = 0; i < 16; i++) {
    pending = (pending << 8) | bytes[i]!
    bits += 8
    while (bits >= 5) {
      bits -= 5
      codes[at++] = CODE_OF[(pending >>> bits) & 31]!
    }
    pending &= (1 << bits) - 1
  }
  // One flat string: joined piece by piece it would be flattened at its first use as a map key, at twice the price.
  return String.fromCharCode(...codes)
}

export function ulidToBytes(text: string): Uint8Array {
  if (!isUlid(text)) throw invalid('INVALID_ULID', `${JSON.stringify(text)} is not a ULID of 26 upper-case characters`)
  const bytes = new Uint8Array(16)
  let pending = 0
  let bits = -2
  let at = 0
  for (let i = 0; i < ULID_LENGTH; i++) {
    pending = (pending << 5) | VALUE_OF[text.charCodeAt(i)]!
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = pending >>> bits
      pending &= (1 << bits) - 1
    }
  }
  return bytes
}

export const ulidFromHalves = (high: bigint, low: bigint): string => ulidFromBytes(halvesToBytes(high, low))
export const ulidToHalves = (text: string): Halves => bytesToHalves(ulidToBytes(text))

/** A new version-4 UUID from 16 random bytes. */
export function mintUuid(random: Uint8Array): string {
  assert(random.length >= 16, 'a UUID takes 16 random bytes')
  const bytes = copyOf(random, 0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return uuidFromBytes(bytes)
}

/** Lower-case canonical text of any version. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text)
}

/** The canonical form of a UUID that a user typed; Invalid when it is none. */
export function parseUuid(text: string): string {
  const canonical = text.trim().toLowerCase()
  if (!isUuid(canonical)) throw invalid('INVALID_UUID', `${JSON.stringify(text)} is not a UUID`)
  return canonical
}

export function uuidFromBytes(bytes: Uint8Array): string {
  const hex = toHex(bytes)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

export const uuidFromHalves = (high: bigint, low: bigint): string => uuidFromBytes(halvesToBytes(high, low))
export const uuidToHalves = (text: string): Halves => bytesToHalves(fromHex(parseUuid(text).replaceAll('-', '')))

function halvesToBytes(high: bigint, low: bigint): Uint8Array {
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, high)
  view.setBigUint64(8, low)
  return bytes
}

function bytesToHalves(bytes: Uint8Array): Halves {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16)
  return { high: view.getBigUint64(0), low: view.getBigUint64(8) }
}

function putTime(bytes: Uint8Array, time: number): void {
  const high = Math.floor(time / 0x100000000)
  bytes[0] = high >>> 8
  bytes[1] = high
  new DataView(bytes.buffer).setUint32(2, time % 0x100000000)
}
