// Promises that were rejected and never looked at: the bug that ends a process in production must end a run.

interface NodeLike {
  on(event: 'unhandledRejection', listener: (error: unknown, promise: object) => void): unknown
  off(event: 'unhandledRejection', listener: (error: unknown, promise: object) => void): unknown
}

export interface RejectionWatch {
  /** What nobody has looked at, by promise. */
  readonly found: ReadonlyMap<object, unknown>
  stop(): void
}

/** Collects every unhandled rejection until it is stopped. */
export function watchRejections(): RejectionWatch {
  const found = new Map<object, unknown>()
  const { process } = globalThis as { process?: Partial<NodeLike> }
  if (typeof process?.on === 'function' && typeof process.off === 'function') {
    const node = process as NodeLike
    const listener = (error: unknown, promise: object) => void found.set(promise, error)
    node.on('unhandledRejection', listener)
    return { found, stop: () => void node.off('unhandledRejection', listener) }
  }
  const listener = (event: Event) => {
    event.preventDefault()
    const { promise, reason } = event as PromiseRejectionEvent
    found.set(promise, reason)
  }
  // Workers call out at once, and take it back when somebody looks within the same turn.
  const forgive = (event: Event) => void found.delete((event as PromiseRejectionEvent).promise)
  globalThis.addEventListener('unhandledrejection', listener)
  globalThis.addEventListener('rejectionhandled', forgive)
  return {
    found,
    stop() {
      globalThis.removeEventListener('unhandledrejection', listener)
      globalThis.removeEventListener('rejectionhandled', forgive)
    },
  }
}
