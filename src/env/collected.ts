// What a garbage collector finds unused may have held something: an open snapshot keeps old versions. Whether and when a
// collector runs is chance, so it comes in through the environment, and simulations leave it out.

/** Calls back some time after the garbage collector found an object unused. */
export interface CollectedWatch<T extends object> {
  /** `held` must not refer to `object`. */
  watch(object: object, held: T): void
  /** Ends the watch that was begun with `held`. */
  unwatch(held: T): void
}

export type WatchCollected = <T extends object>(onCollected: (held: T) => void) => CollectedWatch<T>

/** The collector of this JavaScript engine. */
export const watchCollected: WatchCollected = (onCollected) => {
  const registry = new FinalizationRegistry(onCollected)
  return {
    watch: (object, held) => registry.register(object, held, held),
    unwatch: (held) => void registry.unregister(held),
  }
}
