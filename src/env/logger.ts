// Where messages go. Libraries stay silent unless asked: the default logger drops everything.

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

/** A callback of the user's that throws must not end a write or a background task. */
export function safeLogger(logger: Logger): Logger {
  const guard =
    (level: keyof Logger) =>
    (message: string, fields?: LogFields): void => {
      try {
        logger[level](message, fields)
      } catch {
        // Nowhere to report it: the reporter itself failed.
      }
    }
  return { debug: guard('debug'), info: guard('info'), warn: guard('warn'), error: guard('error') }
}
