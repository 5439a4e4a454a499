// A garbage collection on demand, and the wait until the callbacks for what it found have run.

import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Collects garbage until `done` holds; false when it does not after that many collections. */
export async function collectGarbageUntil(done: () => boolean, collections = 200): Promise<boolean> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let turn = 0; turn < collections; turn++) {
    if (done()) return true
    collect()
    await setTimeout(1)
  }
  return done()
}
