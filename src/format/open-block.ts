// A data block on its way from storage: unsealed, checked, and of version 2 whatever it was.

import type { Decompress } from '../compress/codec.ts'
import { checkBlock } from './block.ts'
import { upgradeBlock } from './block-v1.ts'
import { type BlockTransformer, unseal } from './seal.ts'

/** A sealed data block as a checked raw one of version 2. */
export function openBlock(
  sealed: Uint8Array,
  formatVersion: 1 | 2,
  decompress: Decompress | undefined,
  transformer: BlockTransformer | undefined,
): Uint8Array | Promise<Uint8Array> {
  const raw = unseal(sealed, decompress, transformer)
  return raw instanceof Promise
    ? raw.then((bytes) => checkedBlock(bytes, formatVersion))
    : checkedBlock(raw, formatVersion)
}

function checkedBlock(raw: Uint8Array, formatVersion: 1 | 2): Uint8Array {
  if (formatVersion === 1) return upgradeBlock(raw)
  checkBlock(raw)
  return raw
}
