import { expect, test } from 'vitest'
import { Random } from '../env/random.ts'
import { siphash13 } from './siphash.ts'

const MASK = (1n << 64n) - 1n

/** The published definition, word for word on BigInt: slow, and independent of the u32 arithmetic. */
function reference(bytes: Uint8Array): bigint {
  let v0 = 0x736f6d6570736575n
  let v1 = 0x646f72616e646f6dn
  let v2 = 0x6c7967656e657261n
  let v3 = 0x7465646279746573n
  const rotl = (x: bigint, n: bigint) => ((x << n) | (x >> (64n - n))) & MASK
  const round = () => {
    v0 = (v0 + v1) & MASK
    v1 = rotl(v1, 13n) ^ v0
    v0 = rotl(v0, 32n)
    v2 = (v2 + v3) & MASK
    v3 = rotl(v3, 16n) ^ v2
    v0 = (v0 + v3) & MASK
    v3 = rotl(v3, 21n) ^ v0
    v2 = (v2 + v1) & MASK
    v1 = rotl(v1, 17n) ^ v2
    v2 = rotl(v2, 32n)
  }
  const block = (m: bigint) => {
    v3 ^= m
    round()
    v0 ^= m
  }
  let i = 0
  for (; i + 8 <= bytes.length; i += 8) {
    let m = 0n
    for (let j = 7; j >= 0; j--) m = (m << 8n) | BigInt(bytes[i + j]!)
    block(m)
  }
  let last = BigInt(bytes.length & 0xff) << 56n
  for (let j = 0; i + j < bytes.length; j++) last |= BigInt(bytes[i + j]!) << BigInt(8 * j)
  block(last)
  v2 ^= 0xffn
  for (let j = 0; j < 3; j++) round()
  return v0 ^ v1 ^ v2 ^ v3
}

const hash = (bytes: Uint8Array, start = 0, end = bytes.length) => {
  const out = { hi: 0, lo: 0 }
  siphash13(bytes, start, end, out)
  return (BigInt(out.hi) << 32n) | BigInt(out.lo)
}

test('the empty string has the published hash', () => {
  expect(hash(new Uint8Array(0)).toString(16)).toBe('d1fba762150c532c')
})

test('every length up to 300 agrees with the definition', () => {
  const bytes = new Random('siphash').bytes(300)
  for (let n = 0; n <= 300; n++) expect(hash(bytes.slice(0, n)), `length ${n}`).toBe(reference(bytes.slice(0, n)))
})

test('a range hashes as its copy does', () => {
  const bytes = new Random('range').bytes(64)
  for (let start = 0; start < 20; start++) {
    for (let end = start; end < 64; end += 3) expect(hash(bytes, start, end)).toBe(hash(bytes.slice(start, end)))
  }
})
