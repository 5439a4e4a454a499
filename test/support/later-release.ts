// Records as a later release may write them: with fields behind those that we know.

/** A table inside a record: how to get there from the root. A number is a field, a pair one item of a vector field. */
export type TablePath = readonly (number | readonly [slot: number, item: number])[]

/**
 * The record with one more field in the table at `path`: `slot`, whose content is that of the table's first field. The
 * table gets a new vtable at the end of the buffer; everything else stays where it was.
 */
export function withField(record: Uint8Array, path: TablePath, slot: number): Uint8Array {
  const head = record.subarray(0, 2)
  const old = record.subarray(2)
  const view = new DataView(old.buffer, old.byteOffset, old.length)
  const table = find(view, path)
  const vtable = table - view.getInt32(table, true)
  const known = (view.getUint16(vtable, true) - 4) / 2
  const offsets = Array.from({ length: Math.max(known, slot + 1) }, (_, i) =>
    i < known ? view.getUint16(vtable + 4 + 2 * i, true) : 0,
  )
  const content = offsets.find((offset) => offset !== 0)
  if (content === undefined) throw new Error('a table without fields has no content to point at')
  offsets[slot] = content

  const start = Math.ceil(old.length / 4) * 4
  const bytes = new Uint8Array(start + 4 + 2 * offsets.length)
  bytes.set(old)
  const out = new DataView(bytes.buffer)
  out.setUint16(start, 4 + 2 * offsets.length, true)
  out.setUint16(start + 2, view.getUint16(vtable + 2, true), true)
  for (const [i, offset] of offsets.entries()) out.setUint16(start + 4 + 2 * i, offset, true)
  out.setInt32(table, table - start, true)
  return Uint8Array.of(...head, ...bytes)
}

function find(view: DataView, path: TablePath): number {
  let table = view.getUint32(0, true)
  for (const step of path) {
    const [slot, item] = typeof step === 'number' ? [step, undefined] : step
    const vtable = table - view.getInt32(table, true)
    let at = table + view.getUint16(vtable + 4 + 2 * slot, true)
    at += view.getUint32(at, true)
    if (item !== undefined) {
      at += 4 + 4 * item
      at += view.getUint32(at, true)
    }
    table = at
  }
  return table
}
