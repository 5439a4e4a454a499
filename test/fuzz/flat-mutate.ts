// Changes to FlatBuffers that keep the rest of the structure: offsets that point elsewhere, vtables that are shared, cut or
// enlarged, vectors of other lengths. Without a schema: whatever could be an offset is taken for one.

import type { Random } from '../../src/env/random.ts'
import { mutate, oddNumber } from './mutate.ts'

interface Places {
  /** Positions of u32 offsets to tables, vectors and strings; of vtable offsets; of vtable entries; of vector lengths. */
  readonly offsets: number[]
  readonly vtables: number[]
  readonly entries: number[]
  readonly lengths: number[]
  readonly tables: number[]
}

export function mutateFlat(random: Random, bytes: Uint8Array, changes = random.int(1, 3)): Uint8Array {
  if (bytes.length < 8 || random.chance(0.1)) return mutate(random, bytes, changes)
  const out = bytes.slice()
  const view = new DataView(out.buffer)
  const places = placesOf(view)
  for (let i = 0; i < changes; i++) change(random, view, places)
  return out
}

function change(random: Random, view: DataView, { offsets, vtables, entries, lengths, tables }: Places): void {
  const size = view.byteLength
  const put = (at: number, value: number) => {
    if (at >= 0 && at + 4 <= size) view.setUint32(at, value >>> 0, true)
  }
  switch (random.int(0, 6)) {
    case 0:
    case 1: {
      // To another table, so that structures overlap or go round in circles.
      const at = random.pick(offsets)
      put(at, (random.chance(0.7) ? random.pick(tables) : random.int(0, size)) - at)
      return
    }
    case 2:
      put(random.pick(offsets), oddNumber(random, size))
      return
    case 3: {
      // The vtable of another table.
      const table = random.pick(vtables)
      const other = random.pick(vtables)
      put(table, random.chance(0.8) ? table - (other - view.getInt32(other, true)) : oddNumber(random, size))
      return
    }
    case 4:
      if (entries.length > 0) {
        view.setUint16(random.pick(entries), random.chance(0.5) ? random.int(0, 40) : oddNumber(random, size), true)
      }
      return
    case 5:
      if (lengths.length > 0) {
        const at = random.pick(lengths)
        put(at, random.chance(0.6) ? view.getUint32(at, true) + random.int(-2, 2) : oddNumber(random, size >> 2))
      }
      return
    default: {
      const at = random.int(0, size - 1)
      view.setUint8(at, random.int(0, 255))
    }
  }
}

function placesOf(view: DataView): Places {
  const size = view.byteLength
  const places: Places = { offsets: [0], vtables: [], entries: [], lengths: [], tables: [] }
  const seen = new Set<number>()
  const queue = [view.getUint32(0, true)]
  for (let next = 0; next < queue.length && next < 2000; next++) {
    const at = queue[next]!
    if (at + 4 > size || seen.has(at)) continue
    seen.add(at)
    const vtable = at - view.getInt32(at, true)
    if (vtable >= 0 && vtable + 4 <= size && isVtable(view, vtable)) {
      places.tables.push(at)
      places.vtables.push(at)
      const end = vtable + view.getUint16(vtable, true)
      for (let entry = vtable + 4; entry + 2 <= end; entry += 2) {
        places.entries.push(entry)
        const field = at + view.getUint16(entry, true)
        if (field !== at) follow(view, field, places, queue)
      }
      places.entries.push(vtable, vtable + 2)
      continue
    }
    // A vector: of offsets, if that is what its items look like.
    const count = view.getUint32(at, true)
    if (at + 4 + count > size) continue
    places.lengths.push(at)
    for (let i = 0; i < Math.min(count, 200) && at + 8 + 4 * i <= size; i++) follow(view, at + 4 + 4 * i, places, queue)
  }
  if (places.vtables.length === 0) places.vtables.push(0)
  if (places.tables.length === 0) places.tables.push(0)
  return places
}

function isVtable(view: DataView, at: number): boolean {
  const size = view.getUint16(at, true)
  return size >= 4 && size <= 60 && size % 2 === 0 && at + size <= view.byteLength
}

function follow(view: DataView, field: number, places: Places, queue: number[]): void {
  if (field + 4 > view.byteLength) return
  const offset = view.getUint32(field, true)
  if (offset < 4 || field + offset + 4 > view.byteLength) return
  places.offsets.push(field)
  queue.push(field + offset)
}
