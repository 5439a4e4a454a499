// Opening what a command works on. Readers write nothing and do not disturb a live writer; a writer takes the database
// over, so only commands that change something open one.

import type { Reader } from '../api/reader.ts'
import { SlateDB } from '../api/slatedb.ts'
import { type Located, loadSettings, locate } from './locate.ts'
import { type Opened, openLocation } from './open-location.ts'
import type { Shell } from './shell.ts'

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

export interface WriterOptions {
  /** What closing flushes: `'wal'` leaves a small log for the next open, `'memtable'` writes the tree. */
  readonly closeWith: 'wal' | 'memtable'
}

/** Opens the database for writing, gives it to `body`, and closes it; when `body` fails nothing more is flushed. */
export async function withWriter<T>(
  shell: Shell,
  options: WriterOptions,
  body: (db: SlateDB) => Promise<T>,
): Promise<T> {
  const { store, path } = await openHere(shell, locate(shell))
  const db = await SlateDB.open({ store, path }, { settings: loadSettings(shell), signal: shell.signal })
  let result: T
  try {
    result = await body(db)
  } catch (error) {
    // The error of the body is the one to report; a failing close after it would only hide it.
    await db.close({ flush: false }).catch(() => {})
    throw error
  }
  await db.close({ flush: options.closeWith })
  return result
}

/** The store itself, for commands that look at objects rather than rows. */
export function openHere(shell: Shell, located: Located): Promise<Opened> {
  return openLocation(located.url, located.env, shell)
}
