// Durations and sizes as people and configuration files write them (features.md B.1).
//
//   duration := part (('+' | ' ')* part)*     part := number unit     e.g. "100ms", "1m 30s", "1s+500ms"
//   size     := number [unit]                 unit := B K KB KiB M MB MiB G GB GiB T TB TiB (any case)
//
// Everything inside is milliseconds and bytes. A bare K, M, G or T counts in powers of 1024, as KiB and so on do.

const DAY = 86_400_000

/** The units that the original reads, in milliseconds; years and months are averages there too. */
const UNIT_MS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    'ns nsec nanosecond nanoseconds': 1e-6,
    'us usec µs μs microsecond microseconds': 1e-3,
    'ms msec millis millisecond milliseconds': 1,
    's sec secs second seconds': 1000,
    'm min mins minute minutes': 60_000,
    'h hr hrs hour hours': 3_600_000,
    'd day days': DAY,
    'w week weeks': 7 * DAY,
    'mon month months': 30.44 * DAY,
    'y yr year years': 365.25 * DAY,
  }).flatMap(([names, ms]) => names.split(' ').map((name): [string, number] => [name, ms])),
)

const DURATION_PART = /^(\d+(?:\.\d+)?)\s*([a-z\u00b5\u03bc]+)[\s+]*/i

/** Milliseconds of `"1m 30s"`; `undefined` when the text is no duration. Parts below a millisecond are cut off. */
export function parseDuration(text: string): number | undefined {
  let rest = text.trim()
  if (rest === '') return undefined
  let total = 0
  while (rest !== '') {
    const match = DURATION_PART.exec(rest)
    const unit = match === null ? undefined : UNIT_MS.get(match[2]!.toLowerCase())
    if (match === null || unit === undefined) return undefined
    total += Number(match[1]) * unit
    rest = rest.slice(match[0].length)
  }
  // 0.3 s is 299.99999999999994 ms in floating point; the nearest thousandth is what was written.
  return Math.floor(Math.round(total * 1000) / 1000)
}

/** As the original writes them: whole seconds plus milliseconds. */
export function formatDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const rest = ms - seconds * 1000
  if (rest === 0) return `${seconds}s`
  return seconds === 0 ? `${rest}ms` : `${seconds}s+${rest}ms`
}

const SIZE = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?b)?|b)?$/i

/** Bytes of `"64MiB"`, `"64MB"` or `"65536"`; `undefined` when the text is no size or not a whole number of bytes. */
export function parseSize(text: string): number | undefined {
  const match = SIZE.exec(text.trim())
  if (match === null) return undefined
  const power = match[2] === undefined ? 0 : ' kmgt'.indexOf(match[2].toLowerCase())
  const base = match[3]?.toLowerCase() === 'b' ? 1000 : 1024
  const bytes = Number(match[1]) * base ** power
  return Number.isSafeInteger(bytes) ? bytes : undefined
}
