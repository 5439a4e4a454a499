// SipHash-1-3 with the key (0, 0), over exactly the given bytes: the hash behind the bloom filters on storage
// (format.md 7.3). 64-bit words are pairs of u32, so no BigInt is made per key.

/** A u64 in two halves, each 0 .. 2^32-1. */
export interface Hash64 {
  hi: number
  lo: number
}

/** Hashes bytes[start, end) into `out`. */
export function siphash13(bytes: Uint8Array, start: number, end: number, out: Hash64): void {
  // "somepseudorandomlygeneratedbytes", as SipHash defines it; the key (0, 0) leaves it unchanged.
  let v0h = 0x736f6d65
  let v0l = 0x70736575
  let v1h = 0x646f7261
  let v1l = 0x6e646f6d
  let v2h = 0x6c796765
  let v2l = 0x6e657261
  let v3h = 0x74656462
  let v3l = 0x79746573
  const length = end - start
  let at = start
  // Rounds 0 .. words-1 take eight bytes each, the next one takes the tail with the length; three more finish.
  const words = (length >>> 3) + 1
  const rounds = words + 3
  for (let round = 0; round < rounds; round++) {
    let mh = 0
    let ml = 0
    if (at + 8 <= end) {
      ml = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
      mh = bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24)
      at += 8
    } else if (round === words - 1) {
      mh = length << 24
      for (let i = 0; at < end; i++, at++) {
        if (i < 4) ml |= bytes[at]! << (8 * i)
        else mh |= bytes[at]! << (8 * (i - 4))
      }
    } else if (round === words) {
      v2l ^= 0xff
    }
    v3h ^= mh
    v3l ^= ml

    // One SipRound. The carry of a 64-bit add is (sum < addend) of the low halves, unsigned.
    v0l = (v0l + v1l) | 0
    v0h = (v0h + v1h + (v0l >>> 0 < v1l >>> 0 ? 1 : 0)) | 0
    v2l = (v2l + v3l) | 0
    v2h = (v2h + v3h + (v2l >>> 0 < v3l >>> 0 ? 1 : 0)) | 0
    let t = (v1h << 13) | (v1l >>> 19)
    v1l = ((v1l << 13) | (v1h >>> 19)) ^ v0l
    v1h = t ^ v0h
    t = (v3h << 16) | (v3l >>> 16)
    v3l = ((v3l << 16) | (v3h >>> 16)) ^ v2l
    v3h = t ^ v2h
    t = v0h
    v0h = v0l
    v0l = t
    v0l = (v0l + v3l) | 0
    v0h = (v0h + v3h + (v0l >>> 0 < v3l >>> 0 ? 1 : 0)) | 0
    v2l = (v2l + v1l) | 0
    v2h = (v2h + v1h + (v2l >>> 0 < v1l >>> 0 ? 1 : 0)) | 0
    t = (v3h << 21) | (v3l >>> 11)
    v3l = ((v3l << 21) | (v3h >>> 11)) ^ v0l
    v3h = t ^ v0h
    t = (v1h << 17) | (v1l >>> 15)
    v1l = ((v1l << 17) | (v1h >>> 15)) ^ v2l
    v1h = t ^ v2h
    t = v2h
    v2h = v2l
    v2l = t

    v0h ^= mh
    v0l ^= ml
  }
  out.hi = (v0h ^ v1h ^ v2h ^ v3h) >>> 0
  out.lo = (v0l ^ v1l ^ v2l ^ v3l) >>> 0
}
