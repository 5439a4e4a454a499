// The durable records: what is read must be the same when it is written and read again, unless fields of a later release
// forbid writing it.

import { encodeUtf8 } from '../../../src/bytes/text.ts'
import type { Random } from '../../../src/env/random.ts'
import { decodeBoundary, encodeBoundary } from '../../../src/format/boundary.ts'
import { decodeCompactions, encodeCompactions } from '../../../src/format/compactions.ts'
import { decodeManifest, encodeManifest } from '../../../src/format/manifest.ts'
import { decodeTracker, encodeTracker, type SequenceTracker } from '../../../src/format/sequence-tracker.ts'
import { fixture } from '../corpus.ts'
import { mutateFlat } from '../flat-mutate.ts'
import { mutate, someSize } from '../mutate.ts'
import { must, mustBeSame, type Target } from '../target.ts'

interface RecordFormat<T> {
  readonly name: string
  readonly files: RegExp
  readonly versions: readonly number[]
  readonly decode: (bytes: Uint8Array, what: string) => T
  readonly encode: (record: T) => Uint8Array
  /** The record without what a second writing may change. */
  readonly essence?: (record: T) => unknown
}

function recordTarget<T extends { readonly unknownFields?: readonly string[] }>(format: RecordFormat<T>): Target {
  const { name, files, versions, decode, encode, essence = (record) => record } = format
  return {
    name,
    make(random) {
      const good = fixture(random, files)
      const valid = random.chance(0.05)
      const input = valid ? good : changed(random, good, versions)
      return {
        input,
        valid,
        run() {
          const record = decode(input, 'x')
          if (record.unknownFields !== undefined) return
          const again = decode(encode(record), 'x')
          mustBeSame(essence(again), essence(record), 'the record written and read again, and as it was')
        },
      }
    },
  }
}

/** The version in front, and the FlatBuffer behind it. */
function changed(random: Random, good: Uint8Array, versions: readonly number[]): Uint8Array {
  const body = mutateFlat(random, good.slice(2), random.int(1, 4))
  const out = new Uint8Array(2 + body.length)
  out[1] = random.chance(0.85) ? good[1]! : random.pick([...versions, 0, 3])
  out.set(body, 2)
  return out
}

const tracker: Target = {
  name: 'sequence-tracker',
  make(random) {
    const good = encodeTracker(trackerOf(random))
    const valid = random.chance(0.3)
    // Now and then a count that the bits behind it could just bear out.
    const long = random.chance(0.02) ? new Uint8Array([...good, ...new Uint8Array(random.int(0, 300_000))]) : good
    const input = valid ? good : mutate(random, long)
    return {
      input,
      valid,
      run() {
        const read = decodeTracker(input, 'x')
        must(read.seqs.length === read.times.length, 'as many sequence numbers as times')
        // Pairs that run backwards are not kept when they are written; what is kept is read.
        const again = decodeTracker(encodeTracker(read), 'x')
        if (valid) mustBeSame(again, read, 'the tracker written and read again, and as it was')
      },
    }
  },
}

function trackerOf(random: Random): SequenceTracker {
  const seqs: bigint[] = []
  const times: number[] = []
  let seq = BigInt(random.int(0, 1000))
  let time = random.int(0, 2 ** 31)
  const step = random.pick([1, 100, 5000, 2 ** 28])
  for (let i = someSize(random, 60, 8000); i > 0; i--) {
    seqs.push((seq += BigInt(random.int(0, step))))
    times.push((time += random.int(60, 60 + (step % 100_000))))
  }
  return { seqs, times }
}

const boundary: Target = {
  name: 'boundary',
  make(random) {
    const id = random.pick([0, 1, random.int(0, 2 ** 40), Number.MAX_SAFE_INTEGER])
    const good = encodeBoundary(id)
    const valid = random.chance(0.2)
    const odd = random.pick([' ', '\n', '+', '-', '0', '1e3', '\uFEFF', '٣', '9'.repeat(30)])
    const input = valid ? good : random.chance(0.5) ? mutate(random, good) : encodeUtf8(`${odd}${id}${odd}`)
    return {
      input,
      valid,
      run() {
        const read = decodeBoundary(input, 'x')
        must(Number.isSafeInteger(read) && read >= 0, `${read} is no id`)
        must(decodeBoundary(encodeBoundary(read), 'x') === read, 'another id when it is written again')
        if (valid) must(read === id, `${read} came back of ${id}`)
      },
    }
  },
}

const manifest = recordTarget({
  name: 'manifest',
  files: /\.manifest$/,
  versions: [1, 2],
  decode: decodeManifest,
  encode: encodeManifest,
  // A tracker is written in its second version only where its numbers need that.
  essence: (record) => ({ ...record, sequenceTracker: { ...record.sequenceTracker, wide: undefined } }),
})

const compactions = recordTarget({
  name: 'compactions',
  files: /\.compactions$/,
  versions: [1, 2],
  decode: decodeCompactions,
  encode: encodeCompactions,
})

export const recordTargets: readonly Target[] = [manifest, compactions, tracker, boundary]
