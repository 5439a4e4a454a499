// Tables and log objects: footer and info, index, stats, filters, and whole objects whose checksums are put right again
// behind every change.

import { compareBytes, concatBytes } from '../../../src/bytes/compare.ts'
import { loadCodec } from '../../../src/compress/codec.ts'
import { Row } from '../../../src/cursor/row.ts'
import type { Random } from '../../../src/env/random.ts'
import { bloomPolicy } from '../../../src/filter/bloom.ts'
import { KeyHash } from '../../../src/filter/policy.ts'
import { fixedPrefix } from '../../../src/filter/prefix-extractor.ts'
import { decodeFilterBlock, encodeFilterBlock } from '../../../src/format/filter-block.ts'
import { decodeTableEnd, encodeTableEnd, FOOTER_LENGTH } from '../../../src/format/footer.ts'
import { BlockIndex, IndexBuilder } from '../../../src/format/index.ts'
import { putChecksum, seal, unseal } from '../../../src/format/seal.ts'
import { decodeStats, encodeStats } from '../../../src/format/stats.ts'
import { decodeTableInfo, encodeTableInfo, type TableInfo } from '../../../src/format/table-info.ts'
import { openWalObject, WalRows } from '../../../src/format/wal-object.ts'
import { WalTableBuilder } from '../../../src/format/wal-table.ts'
import { place, randomRows, randomShape } from '../../support/table-rows.ts'
import { fixture } from '../corpus.ts'
import { mutateFlat } from '../flat-mutate.ts'
import { mutate, someSize } from '../mutate.ts'
import { must, mustEqual, type Target } from '../target.ts'

function infoOf(random: Random): TableInfo {
  const size = () => random.pick([0, 1, 300, 5000, 2 ** 33])
  return {
    firstEntry: random.chance(0.8) ? random.bytes(random.int(0, 20)) : undefined,
    lastEntry: random.chance(0.8) ? random.bytes(random.int(0, 20)) : undefined,
    indexOffset: size(),
    indexLength: size(),
    filterOffset: size(),
    filterLength: size(),
    codec: random.pick(['none', 'snappy', 'zlib', 'lz4', 'zstd'] as const),
    type: random.pick(['wal', 'compacted'] as const),
    statsOffset: size(),
    statsLength: size(),
    filterFormat: random.pick(['legacy', 'composite'] as const),
  }
}

const footer: Target = {
  name: 'footer',
  make(random) {
    const info = encodeTableInfo(infoOf(random))
    const changed = random.chance(0.3) ? info : mutateFlat(random, info)
    const sealed = new Uint8Array(changed.length + 4)
    sealed.set(changed)
    putChecksum(sealed)
    const before = random.int(0, 8000)
    const end = encodeTableEnd(infoOf(random), before).slice(-FOOTER_LENGTH)
    const object = concatBytes([new Uint8Array(before), sealed, random.chance(0.8) ? end : mutate(random, end, 1)])
    const input = object.slice(random.chance(0.7) ? 0 : random.int(0, object.length))
    const size = random.chance(0.9) ? object.length : random.int(0, 20_000)
    return {
      input,
      run() {
        const read = decodeTableEnd(input, size, 'x')
        if (typeof read === 'number') return must(read > input.length && read <= size, `it asks for ${read} bytes`)
        const again = decodeTableInfo(encodeTableInfo(read.info), 'x')
        must(JSON.stringify(again) === JSON.stringify(read.info), 'the info is another when it is written again')
      },
    }
  },
}

const index: Target = {
  name: 'index',
  make(random) {
    const builder = new IndexBuilder()
    const count = someSize(random, 60, 4000)
    const keys = Array.from({ length: count }, () => random.bytes(random.int(0, random.pick([3, 12])))).sort(
      compareBytes,
    )
    keys.forEach((key, i) => void builder.add(i * 100, i === 0 ? new Uint8Array(0) : key))
    const built = builder.finish()
    const valid = random.chance(0.2)
    const input = valid ? built : mutateFlat(random, built)
    const type = random.pick(['compacted', 'wal'] as const)
    const probes = Array.from({ length: 4 }, () => random.bytes(random.int(0, 5)))
    return {
      input,
      valid: valid && count > 0,
      run() {
        const read = new BlockIndex(input, 100 * Math.max(1, count), type)
        for (let i = 0; i < read.length; i++) {
          must(read.end(i) > read.start(i), `block ${i} is from ${read.start(i)} to ${read.end(i)}`)
          read.separator(i)
        }
        if (read.length === 0) return
        for (const probe of probes) {
          const [first, last] = [read.firstFor(probe), read.lastFor(probe)]
          must(first >= 0 && first <= last && last < read.length, `blocks ${first} to ${last} of ${read.length}`)
          if (type === 'wal') continue
          for (let i = 1; i < read.length; i++) {
            const order = compareBytes(read.separator(i), probe)
            must(order < 0 === i <= first && order <= 0 === i <= last, `separator ${i} is on the wrong side`)
          }
        }
      },
    }
  },
}

const stats: Target = {
  name: 'stats',
  make(random) {
    const block = () => ({ puts: random.int(0, 70_000), deletes: random.int(0, 9), merges: random.int(0, 9) })
    const blocks = Array.from({ length: someSize(random, 60, 20_000) }, block)
    const built = encodeStats({ ...block(), rawKeyBytes: random.int(0, 2 ** 40), rawValueBytes: 7, blocks })
    const input = mutateFlat(random, built, random.int(0, 3))
    return {
      input,
      run() {
        const read = decodeStats(input, 'x')
        const again = decodeStats(encodeStats(read), 'x')
        must(JSON.stringify(again) === JSON.stringify(read), 'the stats are others when they are written again')
      },
    }
  },
}

const filterBlock: Target = {
  name: 'filter-block',
  make(random) {
    const filters = Array.from({ length: someSize(random, 8, 2000) }, () => ({
      name: random.pick(['_bf', '_bf:p=fixed(3)', 'é', '', '\uFEFF', 'x'.repeat(random.int(0, 300))]),
      data: random.bytes(random.int(0, 20)),
    }))
    const built = encodeFilterBlock(filters, 'composite')
    const valid = random.chance(0.2)
    const input = valid ? built : mutate(random, built)
    return {
      input,
      valid,
      run() {
        mustEqual(encodeFilterBlock(decodeFilterBlock(input, 'composite'), 'composite'), input, 'written again')
      },
    }
  },
}

const bloom: Target = {
  name: 'bloom',
  make(random) {
    const policy = bloomPolicy({
      bitsPerKey: random.int(1, 40),
      prefixExtractor: random.chance(0.5) ? fixedPrefix(random.int(1, 4)) : undefined,
      wholeKey: random.chance(0.8),
    })
    const builder = policy.builder()
    const keys = Array.from({ length: random.int(0, 50) }, () => random.bytes(random.int(0, 9))).sort(compareBytes)
    for (const key of keys) builder.add(key, 0, key.length)
    const built = builder.build()
    const valid = random.chance(0.3)
    const input = valid ? built : mutate(random, built)
    return {
      input,
      valid,
      run() {
        const filter = policy.decode(input)
        const probes = [...keys, random.bytes(3), new Uint8Array(0)]
        for (const key of probes) {
          const answer = filter.mightContain({ kind: 'point', key, hash: new KeyHash(key) })
          filter.mightContain({ kind: 'prefix', key, hash: new KeyHash(key) })
          if (valid && keys.includes(key)) must(answer, 'the filter denies a key that was added')
        }
      },
    }
  },
}

/** An object with its parts changed and put together again, so that every checksum and offset is right but one may not be. */
async function rebuilt(random: Random, object: Uint8Array): Promise<Uint8Array> {
  const end = decodeTableEnd(object, object.length, 'x')
  if (typeof end === 'number') throw new Error('the object is whole')
  const { info } = end
  const codec = await loadCodec(info.codec)
  const rawIndex = await unseal(
    object.subarray(info.indexOffset, info.indexOffset + info.indexLength),
    codec.decompress,
  )
  const read = new BlockIndex(rawIndex, info.filterOffset, info.type)
  const parts: Uint8Array[] = []
  const builder = new IndexBuilder()
  let size = 0
  const sick = read.length === 0 ? -1 : random.int(-1, read.length - 1)
  for (let i = 0; i < read.length; i++) {
    const sealed = object.subarray(read.start(i), read.end(i))
    let part: Uint8Array = sealed
    if (i === sick || random.chance(0.1)) {
      // Either what the codec gives, or what it gets.
      if (random.chance(0.5)) part = await seal(mutate(random, await unseal(sealed, codec.decompress)), codec)
      else {
        part = concatBytes([mutate(random, sealed.slice(0, -4)), new Uint8Array(4)])
        putChecksum(part)
      }
    }
    builder.add(size, read.separator(i))
    parts.push(part)
    size += part.length
  }
  const index = random.chance(0.7) ? builder.finish() : mutateFlat(random, builder.finish())
  const sealedIndex = await seal(index, codec)
  const shifted = (at: number) => (random.chance(0.97) ? at : random.int(0, size + 100))
  const newInfo: TableInfo = {
    ...info,
    indexOffset: shifted(size),
    indexLength: shifted(sealedIndex.length),
    filterOffset: shifted(size),
    filterLength: 0,
    statsOffset: 0,
    statsLength: 0,
  }
  return concatBytes([...parts, sealedIndex, encodeTableEnd(newInfo, size + sealedIndex.length)])
}

const walObject: Target = {
  name: 'wal-object',
  async make(random) {
    let object: Uint8Array
    if (random.chance(0.5)) object = fixture(random, /\/wal\/.*\.sst$/)
    else {
      const codec = await loadCodec(random.pick(['none', 'snappy', 'zlib', 'lz4', 'zstd'] as const))
      const builder = new WalTableBuilder({ blockSize: random.pick([1024, 4096]), codec })
      const row = new Row()
      for (const one of randomRows(random, randomShape(random, random.int(1, 80)))) builder.add(place(one, row))
      object = concatBytes((await builder.finish()).body)
    }
    const valid = random.chance(0.1)
    const way = random.chance(0.8)
    const input = valid ? object : way ? await rebuilt(random, object) : mutate(random, object)
    return {
      input,
      valid,
      async run() {
        const rows = new WalRows(await openWalObject(input, 'x'))
        while (await rows.next()) must(rows.row.valueEnd <= rows.row.value.length, 'a value beyond its block')
      },
    }
  },
}

const sealed: Target = {
  name: 'seal',
  async make(random) {
    const codec = await loadCodec(random.pick(['none', 'snappy', 'zlib', 'lz4', 'zstd'] as const))
    const raw = random.bytes(random.int(0, 300)).map((byte) => byte & random.pick([3, 15, 255]))
    const good = await seal(raw, codec)
    const input = random.chance(0.3) ? good : mutate(random, good)
    return {
      input,
      run() {
        const right = Buffer.compare(input, good) === 0
        const out = unseal(input, codec.decompress, undefined, 1 << 20) as Uint8Array
        must(out.length <= 1 << 20, `${out.length} bytes came out`)
        if (right) mustEqual(out, raw, 'unsealed')
      },
      allowance: 1 << 20,
    }
  },
}

export const tableTargets: readonly Target[] = [footer, index, stats, filterBlock, bloom, walObject, sealed]
