// Numbers as people read them.

const COUNT = new Intl.NumberFormat('en-US')

/** `1234567` -> `1,234,567`. */
export function count(value: number | bigint): string {
  return COUNT.format(typeof value === 'number' ? Math.round(value) : value)
}

/** `1` -> `1 row`, `2` -> `2 rows`. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** Binary units: `1536` -> `1.5 KiB`. */
export function bytes(value: number): string {
  let unit = 0
  let size = value
  while (size >= 1024 && unit < BYTE_UNITS.length - 1) {
    size /= 1024
    unit++
  }
  return unit === 0 ? `${value} B` : `${size.toFixed(size < 10 ? 2 : 1)} ${BYTE_UNITS[unit]}`
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** A span of time, in the unit that suits it. */
export function duration(ms: number): string {
  if (ms <= 0) return '0 s'
  if (ms < 0.001) return `${(ms * 1e6).toFixed(0)} ns`
  if (ms < 1) return `${(ms * 1000).toFixed(ms < 0.01 ? 2 : 1)} us`
  if (ms < 1000) return `${ms.toFixed(ms < 10 ? 2 : 0)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(2)} s`
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}

/** A moment, ISO 8601; beyond what a date can hold (some 270,000 years) the milliseconds themselves. */
export function instant(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms after 1970`
}

/** Per second, rounded to what matters. */
export function rate(items: number, ms: number): string {
  return `${count(ms <= 0 ? 0 : (items / ms) * 1000)}/s`
}

/** Small sums keep their leading digits: requests cost fractions of a cent. */
export function dollars(value: number): string {
  if (value === 0) return '$0'
  if (value >= 1) return `$${value.toFixed(2)}`
  return `$${value.toFixed(Math.min(9, 1 - Math.floor(Math.log10(value))))}`
}

/** Columns under each other; numbers (cells that begin with a digit or a sign) stand to the right. */
export function table(rows: readonly (readonly string[])[], indent = '  '): string {
  const widths: number[] = []
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length)
  }
  return rows
    .map((row) => {
      const cells = row.map((cell, i) => (/^[-+$]?\d/.test(cell) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      return indent + cells.join('  ').trimEnd()
    })
    .join('\n')
}
