/** What the binding's converters do with an object that does not offer what is to be called on it: a TypeError at once. */
export function checkCallbacks(name: string, value: unknown, methods: readonly string[]): void {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) {
    throw new TypeError(`${name} implementations must be objects with callable methods.`)
  }
  const missing = methods.find((method) => typeof (value as Record<string, unknown>)[method] !== 'function')
  if (missing !== undefined) throw new TypeError(`${name} is missing required method ${missing}().`)
}
