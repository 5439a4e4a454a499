// The world of a command: where it reads, where it prints, what it was told globally. Results go to stdout, everything
// for the eye (progress, notes, errors) to stderr, so that a pipe gets nothing but results.

import { once } from 'node:events'
import picocolors from 'picocolors'
import type { Clock } from '../env/env.ts'
import { systemClock } from '../env/system.ts'
import type { Environment } from '../node/env-file.ts'
import { type CommandEnvironment, commandEnvironment } from './environment.ts'
import { inert, inertJson } from './inert.ts'

export type Colors = ReturnType<typeof picocolors.createColors>

/** What a terminal or a test gives to a command. */
export interface Streams {
  readonly stdin: NodeJS.ReadableStream
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number }
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean }
  readonly env: Environment
}

/** Flags that every command takes. */
export interface GlobalFlags {
  readonly db?: string
  readonly path?: string
  readonly env?: string
  readonly envFile?: string
  readonly settings?: string
  readonly json?: boolean
  readonly quiet?: boolean
  readonly debug?: boolean
  readonly timeout?: number
}

const DEFAULT_PATIENCE_MS = 30_000

export class Shell {
  readonly streams: Streams
  readonly flags: GlobalFlags
  readonly clock: Clock = systemClock
  readonly signal: AbortSignal
  /** Colours of stdout and of stderr: each follows its own stream. */
  readonly colors: Colors
  readonly noteColors: Colors
  /** Rejects when going on makes no sense; the command is raced against it. */
  readonly gaveUp: Promise<never>
  /** Ends the command with this error, whatever it is waiting for. */
  readonly giveUp: (error: unknown) => void
  /** What to do when the command is given up in the middle: how to go on. */
  adviceWhenGivenUp: (() => string) | undefined
  #environment: CommandEnvironment | undefined

  constructor(streams: Streams, flags: GlobalFlags, signal: AbortSignal) {
    this.streams = streams
    this.flags = flags
    this.signal = signal
    this.colors = picocolors.createColors(wantsColor(streams.stdout.isTTY, streams.env) && !flags.json)
    let giveUp: (error: unknown) => void = () => {}
    this.gaveUp = new Promise((_, reject) => {
      giveUp = reject
    })
    this.gaveUp.catch(() => {})
    this.giveUp = giveUp
    this.noteColors = picocolors.createColors(wantsColor(streams.stderr.isTTY, streams.env))
  }

  /** How long a store may answer nothing but errors. */
  get patienceMs(): number {
    return this.flags.timeout ?? DEFAULT_PATIENCE_MS
  }

  /** Read once, when something needs it. */
  get environment(): CommandEnvironment {
    if (this.#environment === undefined) {
      this.#environment = commandEnvironment(this.flags.env ?? this.flags.envFile, this.streams.env)
      const { taken } = this.#environment
      if (taken.length > 0) this.note(`from the .env of this folder: ${taken.join(', ')}`)
    }
    return this.#environment
  }

  get json(): boolean {
    return this.flags.json === true
  }

  /** Text on stdout; the promise is there only when the reader of the pipe is slower than we are. */
  print(text: string): Promise<unknown> | undefined {
    return this.streams.stdout.write(`${text}\n`)
      ? undefined
      : once(this.streams.stdout, 'drain', { signal: this.signal })
  }

  /** One JSON document on one line of stdout. */
  printJson(value: unknown): Promise<unknown> | undefined {
    return this.print(inertJson(JSON.stringify(value, jsonValue)))
  }

  /** For the eye: a line on stderr, silent under --quiet. */
  note(text: string): void {
    if (this.flags.quiet !== true) this.complain(text)
  }

  /** Shown also under --quiet. */
  complain(text: string): void {
    this.streams.stderr.write(`${inert(text)}\n`)
  }
}

/** NO_COLOR and FORCE_COLOR as usual; otherwise a terminal decides. */
function wantsColor(isTTY: boolean | undefined, env: Environment): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0') return true
  return isTTY === true && env.TERM !== 'dumb'
}

/** Sequence numbers are bigint: a JSON number while exact, text beyond. */
function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value.toString()
}
