// How much memory the rows of a WAL object may take: all of them become rows of one memtable, because a memtable is cut
// only where an object ends. Blocks have a limit of their own; but an object has any number of them, and a few bytes can
// stand for a large row, through a codec or through keys that share almost everything with the one before.

import { MAX_RAW_BLOCK } from './seal.ts'

/** More than deflate can make of a byte (1,032), and 64 times what keys can share in what writers make. */
const EXPANSION = 1100
/** What a row takes beside its key and value. */
const ROW_MEMORY = 64

export const rowMemory = (keyLength: number, valueLength: number): number => keyLength + valueLength + ROW_MEMORY

/** What the rows of an object of `size` bytes may take: the largest row there is, and `EXPANSION` times the size. */
export const walMemoryLimit = (size: number): number => MAX_RAW_BLOCK + EXPANSION * size

/** The least size of an object whose rows take `memory`. */
export const leastWalSize = (memory: number): number => Math.max(0, Math.ceil((memory - MAX_RAW_BLOCK) / EXPANSION))
