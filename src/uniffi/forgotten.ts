// The official binding frees what its objects hold when the garbage collector finds them; programs that never call
// `dispose()` rely on it. Here a forgotten snapshot or transaction would keep old rows alive for ever.

const registry = new FinalizationRegistry<() => void>((release) => release())

/** Calls `release` some time after `object` was forgotten. `release` must not refer to `object`. */
export function whenForgotten(object: object, release: () => void): void {
  registry.register(object, release)
}
