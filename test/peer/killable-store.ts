// A store handle of a writer that can be killed: from then on its calls reach nothing and never settle, as for a process
// that is gone. What was on its way to the store by then arrives.

import type { ObjectStore } from '../../src/objects/store.ts'

export interface Killable {
  readonly store: ObjectStore
  kill(): void
}

export function killable(store: ObjectStore): Killable {
  let isDead = false
  const alive = <T>(call: () => Promise<T>): Promise<T> => {
    if (isDead) return new Promise(() => {})
    return call().then(
      (value) => (isDead ? new Promise<T>(() => {}) : value),
      (error) => (isDead ? new Promise<T>(() => {}) : Promise.reject(error)),
    )
  }
  return {
    store: {
      capabilities: store.capabilities,
      get: (path, options) => alive(() => store.get(path, options)),
      head: (path, options) => alive(() => store.head(path, options)),
      put: (path, body, options) => alive(() => store.put(path, body, options)),
      delete: (path, options) => alive(() => store.delete(path, options)),
      list: (prefix, options) => alive(() => store.list(prefix, options)),
      describe: () => store.describe(),
    },
    kill: () => {
      isDead = true
    },
  }
}
