// A u64 is two u32 halves inside the row path and a bigint in public records (design.md D6).

export function toBigInt(hi: number, lo: number): bigint {
  return (BigInt(hi) << 32n) | BigInt(lo)
}

export const hiOf = (value: bigint): number => Number((value >> 32n) & 0xffffffffn)
export const loOf = (value: bigint): number => Number(value & 0xffffffffn)

/** Order of two u64s given as halves. */
export function compareU64(aHi: number, aLo: number, bHi: number, bLo: number): number {
  return aHi !== bHi ? aHi - bHi : aLo - bLo
}

export const U64_MAX = 0xffffffffffffffffn
export const U32_MAX = 0xffffffff
