// A progress bar with rows per second and the time that is left. On a terminal it is a bar; elsewhere a line every few
// seconds, so that a log of a long import says how it went.

import { Presets, SingleBar } from 'cli-progress'
import { bytes, count, duration, rate } from './human.ts'
import type { Shell } from './shell.ts'

const LINE_EVERY_MS = 5000
const REDRAW_EVERY_MS = 100

export interface Progress {
  /** `done` towards the total, and the rows so far. Cheap: call it as often as you like. */
  update(done: number, rows: number): void
  /** What the work waits for now, in place of the time that is left; `undefined` when it goes on. */
  waiting(text: string | undefined): void
  /** Takes the bar away; returns the milliseconds since the start. */
  stop(): number
}

export interface ProgressOptions {
  readonly label: string
  /** `undefined`: nobody knows how much there is (standard input). */
  readonly total: number | undefined
  /** What `total` counts. */
  readonly unit: 'rows' | 'bytes'
}

export function startProgress(shell: Shell, options: ProgressOptions): Progress {
  const started = shell.clock.monotonic()
  const elapsed = () => shell.clock.monotonic() - started
  if (shell.flags.quiet === true) return { update: () => {}, waiting: () => {}, stop: elapsed }
  if (shell.streams.stderr.isTTY !== true) return lines(shell, options, elapsed)
  return bar(shell, options, elapsed)
}

function bar(shell: Shell, options: ProgressOptions, elapsed: () => number): Progress {
  const { label, total, unit } = options
  const size = (value: number) => (unit === 'bytes' ? bytes(value) : count(value))
  const known = total === undefined ? '' : ' {percentage}% |{bar}| {size}'
  const single = new SingleBar(
    {
      stream: shell.streams.stderr as NodeJS.WritableStream,
      format: `${label}${known} | {rowsText} rows | {speed} rows/s{left}`,
      hideCursor: true,
      // What comes after it says how it ended.
      clearOnComplete: true,
      barsize: 24,
      fps: 1000 / REDRAW_EVERY_MS,
    },
    Presets.shades_classic,
  )
  const fields = (done: number, rows: number) => ({
    size: `${size(done)}/${size(total ?? done)}`,
    rowsText: count(rows),
    speed: count(elapsed() > 0 ? (rows / elapsed()) * 1000 : 0),
    left: total === undefined ? '' : ` | ${timeLeft(done, total, elapsed())} left`,
  })
  single.start(total ?? 1, 0, fields(0, 0))
  let drawn = elapsed()
  let last: [number, number] = [0, 0]
  const draw = (left?: string) => {
    drawn = elapsed()
    single.update(total === undefined ? 0 : last[0], { ...fields(...last), ...(left !== undefined && { left }) })
  }
  return {
    update(done, rows) {
      last = [done, rows]
      if (elapsed() - drawn >= REDRAW_EVERY_MS) draw()
    },
    waiting(text) {
      draw(text === undefined ? undefined : ` | ${text}`)
    },
    stop() {
      single.stop()
      return elapsed()
    },
  }
}

function lines(shell: Shell, options: ProgressOptions, elapsed: () => number): Progress {
  let printed = elapsed()
  return {
    update(done, rows) {
      if (elapsed() - printed < LINE_EVERY_MS) return
      printed = elapsed()
      const share = options.total === undefined ? '' : ` ${((done / options.total) * 100).toFixed(0)}%`
      const left = options.total === undefined ? '' : `, ${timeLeft(done, options.total, printed)} left`
      shell.note(`${options.label}${share}: ${count(rows)} rows, ${rate(rows, printed)}${left}`)
    },
    waiting(text) {
      if (text === undefined || elapsed() - printed < LINE_EVERY_MS) return
      printed = elapsed()
      shell.note(`${options.label}: ${text}`)
    },
    stop: elapsed,
  }
}

function timeLeft(done: number, total: number, elapsedMs: number): string {
  if (done <= 0) return '?'
  return duration(Math.max(0, ((total - done) / done) * elapsedMs))
}
