// Opening what a command works on. Readers write nothing and do not disturb a live writer; a writer takes the database
// over, so only commands that change something open one, and not while another may be at work.

import type { Command } from 'commander'
import type { Reader } from '../api/reader.ts'
import { SlateDB } from '../api/slatedb.ts'
import type { TakeOver } from '../db/take-over.ts'
import { isSlateDBError } from '../errors.ts'
import { isClosedHere, rememberClosed } from './closed-writers.ts'
import { WRITER_ACTIVE } from './exit-codes.ts'
import { type Located, loadSettings, locate } from './locate.ts'
import { type Opened, openLocation } from './open-location.ts'
import type { Shell } from './shell.ts'
import { watchWaits } from './waits.ts'

/** Gives `body` a reader that follows the newest state, and closes it after. */
export async function withReader<T>(shell: Shell, body: (reader: Reader) => Promise<T>): Promise<T> {
  const { store, path } = await openHere(shell, locate(shell))
  const reader = await SlateDB.openReader({ store, path }, { signal: shell.signal })
  try {
    return await body(reader)
  } finally {
    await reader.close()
  }
}

/** The flag of every command that writes. */
export function addTakeOverFlag(command: Command): Command {
  return command.option('--take-over', 'fence a writer that has been at work within the last minute')
}

export interface WriterOptions {
  /** What closing flushes: `'wal'` leaves a small log for the next open, `'memtable'` writes the tree. */
  readonly closeWith: 'wal' | 'memtable' | (() => 'wal' | 'memtable')
  /** Fence a writer that may be at work. */
  readonly takeOver: boolean | undefined
  /** Gets a line while the handle waits for something, `undefined` when that is over. Default: a note now and then. */
  readonly sayWait?: (text: string | undefined) => void
}

/**
 * Opens the database for writing, gives it to `body`, and closes it; when `body` fails nothing more is flushed. The signal
 * that `body` gets ends its waiting: interrupted, or stalled for as long as --timeout says.
 */
export async function withWriter<T>(
  shell: Shell,
  options: WriterOptions,
  body: (db: SlateDB, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const located = locate(shell)
  const opened = await openHere(shell, located)
  const db = await openForWriting(shell, opened, options.takeOver === true)
  const epoch = db.engine.manifest.value.writerEpoch
  const watch = watchWaits(shell, db, options.sayWait ?? noteNowAndThen(shell))
  let result: T
  try {
    result = await body(db, watch.signal)
    await closeWriter(shell, db, options, watch.signal)
  } catch (error) {
    // The error of the body is the one to report; a failing close after it would only hide it.
    await db.close({ flush: false }).catch(() => {})
    throw error
  } finally {
    watch.stop()
  }
  rememberClosed(shell.streams.env, opened, epoch)
  return result
}

/** Fences a writer that may be at work only when asked to. What this command line has closed itself is not at work. */
async function openForWriting(shell: Shell, opened: Opened, always: boolean): Promise<SlateDB> {
  const { store, path } = opened
  const settings = loadSettings(shell)
  const open = (takeOver: TakeOver) => SlateDB.open({ store, path }, { settings, signal: shell.signal, takeOver })
  if (always) return open('always')
  try {
    return await open('idle')
  } catch (error) {
    if (!isSlateDBError(error) || error.code !== WRITER_ACTIVE) throw error
    if (!(await isClosedHere(shell.streams.env, opened))) throw error
    return open('always')
  }
}

async function closeWriter(
  shell: Shell,
  db: SlateDB,
  { closeWith }: WriterOptions,
  signal: AbortSignal,
): Promise<void> {
  const flush = typeof closeWith === 'string' ? closeWith : closeWith()
  // An interrupted command still flushes its log, which is short; a second Ctrl-C ends the process.
  const patience = flush === 'wal' ? undefined : signal
  try {
    await db.close({ flush, signal: patience })
  } catch (error) {
    const { durableSeq, lastSeq, closeReason } = db.status
    if (!signal.aborted || durableSeq < lastSeq || closeReason !== 'Clean') throw error
    shell.note('everything is durable in the log; the tree takes it in later')
  }
}

function noteNowAndThen(shell: Shell): (text: string | undefined) => void {
  let saidAt = Number.NEGATIVE_INFINITY
  return (text) => {
    if (text === undefined || shell.clock.monotonic() - saidAt < NOTE_EVERY_MS) return
    saidAt = shell.clock.monotonic()
    shell.note(text)
  }
}

const NOTE_EVERY_MS = 5000

/** The store itself, for commands that look at objects rather than rows. */
export function openHere(shell: Shell, located: Located): Promise<Opened> {
  return openLocation(located.url, located.env, shell)
}
