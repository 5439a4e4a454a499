// Where messages go. Libraries stay silent unless asked: the default logger drops everything.

import { observe } from './callback.ts'

export type LogFields = Record<string, unknown>

export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

const nothing = () => {}

export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** Writes to the console. A logger that throws never disturbs the engine: see `safeLogger`. */
export const consoleLogger: Logger = {
  debug: (message, fields) => console.debug(`[slatedb] ${message}`, ...(fields ? [fields] : [])),
  info: (message, fields) => console.info(`[slatedb] ${message}`, ...(fields ? [fields] : [])),
  warn: (message, fields) => console.warn(`[slatedb] ${message}`, ...(fields ? [fields] : [])),
  error: (message, fields) => console.error(`[slatedb] ${message}`, ...(fields ? [fields] : [])),
}

/**
 * A logger that throws must not end a write or a background task, and one that uses the database, which logs, must not
 * call itself without end: what is logged while a line is written is left out.
 */
export function safeLogger(logger: Logger): Logger {
  let isWriting = false
  const guard =
    (level: keyof Logger) =>
    (message: string, fields?: LogFields): void => {
      if (isWriting) return
      isWriting = true
      // Nowhere to report what it fails with: the reporter itself failed.
      observe(() => logger[level](message, fields))
      isWriting = false
    }
  return { debug: guard('debug'), info: guard('info'), warn: guard('warn'), error: guard('error') }
}
