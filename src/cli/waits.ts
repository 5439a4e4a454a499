// What a writer waits for, told to the person in front of the terminal: a stall is no error of the engine, which goes on by
// itself once there is room, but a command must say why nothing moves, and end some time.

import type { Waiting } from '../db/wait-monitor.ts'
import { unavailable } from '../errors.ts'
import { duration } from './human.ts'
import type { Shell } from './shell.ts'

const LOOK_EVERY_MS = 250
/** Waits that are shorter are nothing to talk about. */
const SAID_AFTER_MS = 1000

export interface WaitWatch {
  /** Fires when the command is to end: interrupted, or after it has waited for as long as --timeout says. */
  readonly signal: AbortSignal
  stop(): void
}

/** Anything that says what it waits for: a database handle. */
export interface Waiter {
  readonly status: { readonly waiting: Waiting | undefined }
}

/** Looks at `waiter` until stopped; `say` gets a line while it waits, and `undefined` when that is over. */
export function watchWaits(shell: Shell, waiter: Waiter, say: (text: string | undefined) => void): WaitWatch {
  const stalled = new AbortController()
  let said = false
  let cancel = () => {}
  const look = () => {
    const { waiting } = waiter.status
    const waitedMs = waiting === undefined ? 0 : shell.clock.now() - waiting.since
    if (waiting !== undefined && waitedMs >= shell.patienceMs) {
      stalled.abort(
        unavailable('STALLED', `gave up after waiting ${duration(waitedMs)} for ${subject(waiting)}. ${waiting.hint}`),
      )
    } else if (waiting !== undefined && waitedMs >= SAID_AFTER_MS) {
      said = true
      say(`waiting for ${subject(waiting)} since ${duration(waitedMs)}: ${waiting.hint}`)
    } else if (said) {
      said = false
      say(undefined)
    }
    cancel = shell.clock.schedule(LOOK_EVERY_MS, look, { idle: true, label: 'what the writer waits for' })
  }
  look()
  return {
    signal: AbortSignal.any([shell.signal, stalled.signal]),
    stop() {
      cancel()
    },
  }
}

function subject({ for: what }: Waiting): string {
  return what === 'compaction' ? 'room in L0' : what === 'upload' ? 'uploads' : 'the object store'
}
