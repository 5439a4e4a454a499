// Promises that were rejected and never looked at: the bug that ends a process in production must end a run.

interface NodeLike {
  on(event: 'unhandledRejection', listener: (error: unknown) => void): unknown
  off(event: 'unhandledRejection', listener: (error: unknown) => void): unknown
}

/** Tells about every unhandled rejection until the returned function is called. */
export function watchRejections(found: (error: unknown) => void): () => void {
  const { process } = globalThis as { process?: Partial<NodeLike> }
  if (typeof process?.on === 'function' && typeof process.off === 'function') {
    const node = process as NodeLike
    node.on('unhandledRejection', found)
    return () => void node.off('unhandledRejection', found)
  }
  const listener = (event: Event) => {
    event.preventDefault()
    found((event as PromiseRejectionEvent).reason)
  }
  globalThis.addEventListener('unhandledrejection', listener)
  return () => globalThis.removeEventListener('unhandledrejection', listener)
}
