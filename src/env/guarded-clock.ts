// A clock of the user's. Waits and deadlines are built on it, also in work that no call waits for: there it must not
// throw. Where it does, the platform's clock does instead; what time it is is never made up, so that no row gets a stamp
// that its clock did not give.

import type { Clock } from './env.ts'

/** `clock`, with `platform` in its place wherever it fails. `now` then answers NaN, which no row is stamped with. */
export function guardedClock(clock: Clock, platform: Clock): Clock {
  let last = Number.NEGATIVE_INFINITY
  return {
    now() {
      try {
        return clock.now()
      } catch {
        return Number.NaN
      }
    },
    monotonic() {
      let now = last
      try {
        now = clock.monotonic()
      } catch {
        // It stands still.
      }
      if (now > last) last = now
      return last === Number.NEGATIVE_INFINITY ? platform.monotonic() : last
    },
    schedule(delayMs, callback, options) {
      try {
        const cancel = clock.schedule(delayMs, callback, options)
        return () => {
          try {
            cancel()
          } catch {
            // The callback comes although it is not wanted any more.
          }
        }
      } catch {
        return platform.schedule(delayMs, callback, options)
      }
    },
    async yield() {
      try {
        await clock.yield()
      } catch {
        await platform.yield()
      }
    },
  }
}
