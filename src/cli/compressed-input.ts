// gzip and Zstandard, told by their first bytes, whatever the file is called. Plain bytes go through as they are.

import { Readable, type Transform } from 'node:stream'
import * as zlib from 'node:zlib'
import { createGunzip } from 'node:zlib'
import { invalid } from '../errors.ts'

/** The part of node:zlib that came after Node 20.19. */
const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Transform }

export async function* decompressed(input: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const first = await input.next()
  if (first.done === true) return
  async function* all(): AsyncGenerator<Uint8Array> {
    yield first.value as Uint8Array
    yield* input
  }
  const decoder = decoderFor(first.value)
  if (decoder === undefined) {
    yield* all()
    return
  }
  const source = Readable.from(all())
  source.on('error', (error) => decoder.destroy(error))
  yield* source.pipe(decoder) as AsyncIterable<Uint8Array>
}

function decoderFor(head: Uint8Array): Transform | undefined {
  if (head[0] === 0x1f && head[1] === 0x8b) return createGunzip()
  if (head[0] !== 0x28 || head[1] !== 0xb5 || head[2] !== 0x2f || head[3] !== 0xfd) return undefined
  if (createZstdDecompress !== undefined) return createZstdDecompress()
  throw invalid(
    'IMPORT_FORMAT',
    'this Node cannot read Zstandard files: give the output of zstd -dc, or use Node 22.15 or newer',
  )
}
