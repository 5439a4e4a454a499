// Where exported rows go. A file gets its name when it is complete, so that a failed export leaves what was there before.

import { once } from 'node:events'
import { createWriteStream, renameSync, rmSync, statSync } from 'node:fs'
import { finished } from 'node:stream/promises'
import { invalid } from '../errors.ts'
import { inert } from './inert.ts'
import type { Shell } from './shell.ts'

export interface ExportTarget {
  write(text: string): Promise<unknown>
  finish(): Promise<void>
  /** After a failure. */
  discard(): void
}

/** Standard output. On a terminal, control characters of stored data are shown, not sent. */
export function streamTarget(shell: Shell): ExportTarget {
  const { stdout } = shell.streams
  return {
    async write(text) {
      if (!stdout.write(stdout.isTTY === true ? inert(text, '\n\t') : text))
        await once(stdout, 'drain', { signal: shell.signal })
    },
    async finish() {},
    discard() {},
  }
}

export function fileTarget(file: string): ExportTarget {
  // A pipe or a device is written to as it is.
  const partial = isPlain(file) ? `${file}.partial` : file
  const output = createWriteStream(partial)
  const cannot = (error: NodeJS.ErrnoException) =>
    invalid('EXPORT_FILE', `file ${JSON.stringify(file)} cannot be written (${error.code})`, { cause: error })
  const failed = new Promise<never>((_, reject) => output.on('error', (error) => reject(cannot(error))))
  failed.catch(() => {})
  return {
    async write(text) {
      if (!output.write(text)) await Promise.race([once(output, 'drain'), failed])
    },
    async finish() {
      output.end()
      await Promise.race([finished(output), failed])
      try {
        if (partial !== file) renameSync(partial, file)
      } catch (error) {
        throw cannot(error as NodeJS.ErrnoException)
      }
    },
    discard() {
      output.destroy()
      if (partial !== file) rmSync(partial, { force: true })
    },
  }
}

/** An ordinary file, or nothing yet. */
export function isPlain(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? true
}
