// Logging as the official binding has it: installed once, for the whole process. That contract is why this file, alone
// in the library, keeps state outside any object.

import { consoleLogger, type Logger } from '../env/logger.ts'
import { checkEnum, LogLevel } from './enums.ts'
import { ErrorInvalid } from './errors.ts'

export interface LogRecord {
  level: LogLevel
  target: string
  message: string
  module_path: string | undefined
  file: string | undefined
  line: number | undefined
}

export interface LogCallback {
  log(record: LogRecord): void
}

const installed: { logger: Logger | undefined } = { logger: undefined }

/** Installs logging, once per process: to `callback`, or to the console. */
export function init_logging(level: LogLevel, callback: LogCallback | undefined): void {
  const name = checkEnum('LogLevel', LogLevel, level)
  if (installed.logger !== undefined) throw new ErrorInvalid('logging already initialized')
  installed.logger = filtered(name, callback === undefined ? consoleLogger : toLogger(callback))
}

/** @internal What handles opened from now on log to. */
export function currentLogger(): Logger | undefined {
  return installed.logger
}

const SEVERITY = ['Off', 'Error', 'Warn', 'Info', 'Debug', 'Trace'] satisfies LogLevel[]

/** Drops what is below `level`. */
function filtered(level: LogLevel, logger: Logger): Logger {
  const wants = (one: LogLevel) => SEVERITY.indexOf(one) <= SEVERITY.indexOf(level)
  const nothing = () => {}
  return {
    error: wants('Error') ? logger.error : nothing,
    warn: wants('Warn') ? logger.warn : nothing,
    info: wants('Info') ? logger.info : nothing,
    debug: wants('Debug') ? logger.debug : nothing,
  }
}

function toLogger(callback: LogCallback): Logger {
  const at =
    (level: LogLevel) =>
    (message: string, fields?: Record<string, unknown>): void => {
      const details = Object.entries(fields ?? {}).map(([key, value]) => `${key}=${String(value)}`)
      const text = details.length === 0 ? message : `${message} [${details.join(', ')}]`
      callback.log({
        level,
        target: 'slatedb',
        message: text,
        module_path: undefined,
        file: undefined,
        line: undefined,
      })
    }
  return { error: at('Error'), warn: at('Warn'), info: at('Info'), debug: at('Debug') }
}
