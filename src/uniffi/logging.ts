// Logging as the official binding has it: installed once, for the whole process. That contract is why this file, alone
// in the library, keeps state outside any object.

import { consoleLogger, type LogFields, type Logger } from '../env/logger.ts'
import { checkCallbacks } from './callbacks.ts'
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
  if (callback != null) checkCallbacks('LogCallback', callback, ['log'])
  if (installed.logger !== undefined) throw new ErrorInvalid('logging already initialized')
  installed.logger = filtered(name, callback == null ? consoleLogger : toLogger(callback))
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

/** The field that names the module a record is about; without it a record is about the engine as a whole. */
const TARGET = 'target'
const ENGINE = 'slatedb'

function toLogger(callback: LogCallback): Logger {
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      const target = String(fields[TARGET] ?? ENGINE)
      const details = Object.entries(fields).flatMap(([key, value]) =>
        key === TARGET ? [] : `${key}=${String(value)}`,
      )
      const text = details.length === 0 ? message : `${message} [${details.join(', ')}]`
      callback.log({ level, target, message: text, module_path: target, ...placeOf(new globalThis.Error().stack) })
    }
  return { error: at('Error'), warn: at('Warn'), info: at('Info'), debug: at('Debug') }
}

/** The end of a stack's line: `at name (file:line:column)`, `at file:line:column` or `name@file:line:column`. */
const FRAME = /([^()]+):(\d+):\d+\)?$/

/** Frames of this package's own above the code that logs: the logger here, and the guard around every callback and logger. */
const OWN_FRAMES = 4

/** File and line of the code that logs. */
function placeOf(stack = ''): Pick<LogRecord, 'file' | 'line'> {
  const frames = stack.split('\n').flatMap((text) => {
    const match = FRAME.exec(text)
    return match === null ? [] : [{ file: match[1]!.replace(/^\s*at |^[^@/]*@/, ''), line: Number(match[2]) }]
  })
  return frames[OWN_FRAMES] ?? frames.at(-1) ?? { file: undefined, line: undefined }
}
