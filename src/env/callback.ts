// Callbacks of the user's that only observe: loggers, recorders, listeners. What they throw, at once or in a promise, is
// theirs; it must end neither the write that they observe nor, as an unhandled rejection, the process.

/** Runs `callback`; whatever it fails with goes to `onError`. */
export function observe(callback: () => unknown, onError: (error: unknown) => void = ignore): void {
  try {
    const result = callback()
    if (result instanceof Promise) result.catch(onError)
  } catch (error) {
    onError(error)
  }
}

function ignore(): void {}
