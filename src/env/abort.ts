// Waiting that a caller's signal ends. The work itself goes on: a write or a claim that has begun is not withdrawn (PN-7).
// Fetches end when the last read that waits for them has ended (table/load.ts).

interface Listening {
  readonly waiting: Set<() => void>
  readonly fire: () => void
}

/**
 * Who listens to which signal. A platform takes a signal with more than ten listeners for a leak and prints a warning, so
 * each gets a single listener of this room's, however many calls wait under it. It is taken off with the last of them: a
 * timeout that is listened to is kept in memory until it fires.
 */
const listening = new WeakMap<AbortSignal, Listening>()

/** Calls `callback` once when the signal fires; the returned function forgets it. A signal that has fired stays silent. */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const { waiting, fire } = listening.get(signal) ?? listen(signal)
  // A function of its own each time: one callback may wait under a signal twice.
  const entry = () => callback()
  waiting.add(entry)
  return () => {
    if (!waiting.delete(entry) || waiting.size > 0) return
    signal.removeEventListener('abort', fire)
    listening.delete(signal)
  }
}

function listen(signal: AbortSignal): Listening {
  const waiting = new Set<() => void>()
  const fire = () => {
    listening.delete(signal)
    for (const one of [...waiting]) if (waiting.delete(one)) one()
  }
  signal.addEventListener('abort', fire, { once: true })
  const started = { waiting, fire }
  listening.set(signal, started)
  return started
}

/** Settles as `promise` does, or rejects with the signal's reason when that fires first. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      promise.catch(() => {})
      return reject(signal.reason)
    }
    const forget = onAbort(signal, () => reject(signal.reason))
    promise.then(
      (value) => {
        forget()
        resolve(value)
      },
      (error) => {
        forget()
        reject(error)
      },
    )
  })
}
