// The last look at settings, where the engine takes them: they are an object of the caller's by then, which need not have
// come out of `parseSettings`. It goes by the defaults alone, since a program that takes those needs no reader of settings.

import { nearest } from '../checks.ts'
import { invalid, type SlateDBError, show } from '../errors.ts'
import type { Settings } from './settings.ts'
import { defaultSettings } from './settings-defaults.ts'

/** Numbers that may be missing: off, or without a limit. */
const MAY_BE_OFF: ReadonlySet<string> = new Set(['flushInterval', 'maxCacheSizeBytes', 'scanInterval'])
/** Numbers that may be 0; what is counted, sized or waited for may not. */
const MAY_BE_ZERO: ReadonlySet<string> = new Set(['flushInterval', 'minFilterKeys', 'minAge', 'maxSubcompactions'])

/** Every number is one, every flag is one, and there is nothing else. Fails with Invalid. */
export function checkKinds(settings: Settings): void {
  checkGroup(settings, defaultSettings, '')
}

function checkGroup(given: object, defaults: object, path: string): void {
  if (typeof given !== 'object' || given === null) throw wrong(path, 'must be an object', given)
  const known = Object.keys(defaults)
  for (const key in given) {
    if (known.includes(key)) continue
    const near = nearest(key, known)
    throw invalid('INVALID_SETTINGS', `setting ${path}${key} does not exist${near ? `; did you mean ${near}?` : ''}`)
  }
  for (const [key, standard] of Object.entries(defaults)) {
    checkValue(key, (given as Record<string, unknown>)[key], standard, `${path}${key}`)
  }
}

function checkValue(key: string, value: unknown, standard: unknown, path: string): void {
  if (typeof standard === 'number') {
    if (value === undefined && MAY_BE_OFF.has(key)) return
    const min = MAY_BE_ZERO.has(key) ? 0 : 1
    if (!Number.isSafeInteger(value) || (value as number) < min) {
      throw wrong(path, `must be a whole number, ${min} or more`, value)
    }
  } else if (typeof standard === 'boolean') {
    if (typeof value !== 'boolean') throw wrong(path, 'must be true or false', value)
  } else if (typeof standard === 'object' && key !== 'schedulerOptions' && value !== undefined) {
    checkGroup(value as object, standard as object, `${path}.`)
  } else if (
    /Millis$|Retries$/.test(key) &&
    value !== undefined &&
    !(Number.isSafeInteger(value) && Number(value) >= 0)
  ) {
    throw wrong(path, 'must be a whole number, 0 or more, or undefined', value)
  }
}

function wrong(path: string, what: string, value: unknown): SlateDBError {
  const hint = value === undefined ? ' (parseSettings fills in what is left out)' : ''
  return invalid('INVALID_SETTINGS', `setting ${path.replace(/\.$/, '')} ${what}, not ${show(value)}${hint}`)
}
