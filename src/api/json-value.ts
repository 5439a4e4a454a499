// What JSON can hold of a value. `JSON.stringify` drops the rest in silence: a Map becomes {}, NaN becomes null, bytes
// become an object of numbers, a promise that was not awaited becomes {}.

/** The text of `value`. Fails with a TypeError that names the place of what JSON cannot hold. */
export function jsonText(value: unknown): string {
  let text: string | undefined
  let cause: unknown
  try {
    text = JSON.stringify(value)
  } catch (error) {
    cause = error
  }
  const flaw = flawOf(value, new Set())
  if (flaw !== undefined)
    throw new TypeError(`JSON cannot hold ${flaw.what}${flaw.path && `, at ${flaw.path}`}`, { cause })
  if (text === undefined) throw cause ?? new TypeError(`JSON cannot hold ${typeof value}`)
  return text
}

interface Flaw {
  readonly what: string
  /** `.user.tags[3]` */
  readonly path: string
}

/** `above`: the objects that this one is in. Nothing is allocated for a value that is fine, but for its depth. */
function flawOf(value: unknown, above: Set<object>): Flaw | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : { what: String(value), path: '' }
    case 'object':
      return value === null ? undefined : flawOfObject(value, above)
    case 'bigint':
      // Some programs teach bigints how to be written.
      return hasToJson(Object(value)) ? undefined : { what: 'a bigint', path: '' }
    default:
      return { what: typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`, path: '' }
  }
}

function flawOfObject(object: object, above: Set<object>): Flaw | undefined {
  if (above.has(object)) return { what: 'an object inside itself', path: '' }
  above.add(object)
  const flaw = Array.isArray(object) ? flawOfArray(object, above) : flawOfRecord(object, above)
  above.delete(object)
  return flaw
}

function flawOfArray(array: readonly unknown[], above: Set<object>): Flaw | undefined {
  for (let i = 0; i < array.length; i++) {
    const flaw = flawOf(array[i], above)
    if (flaw !== undefined) return { what: flaw.what, path: `[${i}]${flaw.path}` }
  }
  return undefined
}

function flawOfRecord(object: object, above: Set<object>): Flaw | undefined {
  if (!isPlain(object)) {
    if (object instanceof Number || object instanceof String || object instanceof Boolean) return undefined
    if (ArrayBuffer.isView(object) || isOf(object, 'ArrayBuffer')) return { what: 'bytes', path: '' }
    if (isOf(object, 'Date')) {
      return Number.isNaN((object as Date).getTime()) ? { what: 'an invalid date', path: '' } : undefined
    }
    if (!hasToJson(object) && (isBuiltIn(object) || Object.keys(object).length === 0)) {
      return { what: `a ${nameOf(object)}, which would become {}`, path: '' }
    }
  }
  // What it says itself is what is written.
  if (hasToJson(object)) return undefined
  for (const key of Object.keys(object)) {
    const value = (object as Record<string, unknown>)[key]
    // Fields that are not there, and methods: leaving them out is what everybody expects.
    if (value === undefined || typeof value === 'function') continue
    const flaw = flawOf(value, above)
    if (flaw !== undefined) return { what: flaw.what, path: `${step(key)}${flaw.path}` }
  }
  return undefined
}

const isPlain = (object: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(object)
  // Of this realm or another: the prototype of all objects has none itself.
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
}

const hasToJson = (object: object): boolean => typeof (object as { toJSON?: unknown }).toJSON === 'function'

const isOf = (object: object, kind: string): boolean => Object.prototype.toString.call(object) === `[object ${kind}]`

/** Classes of the language whose content is not in fields. */
const isBuiltIn = (object: object): boolean =>
  ['Map', 'Set', 'WeakMap', 'WeakSet', 'WeakRef', 'Promise', 'RegExp', 'Error', 'Generator'].some((kind) =>
    isOf(object, kind),
  )

const nameOf = (object: object): string => String(object.constructor?.name ?? 'object').slice(0, 50) || 'object'

const step = (key: string): string =>
  /^[A-Za-z_$][\w$]{0,49}$/.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 50))}]`
