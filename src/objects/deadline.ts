// Ends what takes too long: the signal is for those who listen to it, the rejection for those who wait.

import type { Clock } from '../env/env.ts'
import { unavailable } from '../errors.ts'

export interface DeadlineOptions {
  readonly timeoutMs: number
  /** What is being done, for the message. */
  readonly label: string
  /** The caller's own reason to give up. */
  readonly signal?: AbortSignal | undefined
}

/** Runs `work`; rejects with `Unavailable` after `timeoutMs`, or with the reason of the caller's signal. */
export function withDeadline<T>(
  clock: Clock,
  options: DeadlineOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { timeoutMs, label, signal } = options
  const controller = new AbortController()
  return new Promise<T>((resolve, reject) => {
    const end = (reason: unknown) => {
      settle()
      controller.abort(reason)
      reject(reason)
    }
    const abort = () => end(signal!.reason)
    const cancel = clock.schedule(
      timeoutMs,
      () => end(unavailable('TIMEOUT', `${label} did not end within ${timeoutMs} ms`)),
      { label },
    )
    const settle = () => {
      cancel()
      signal?.removeEventListener('abort', abort)
    }
    if (signal?.aborted) return end(signal.reason)
    signal?.addEventListener('abort', abort, { once: true })
    work(controller.signal).then(resolve, reject).finally(settle)
  })
}
