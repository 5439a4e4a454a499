// What a compactor does for a writer whose L0 is full, in its simplest form: the oldest L0 tables become sorted runs of one
// table each. No row is rewritten, so the model needs to know nothing of it.

import { ulidTime } from '../../src/bytes/ids.ts'
import { Random } from '../../src/env/random.ts'
import type { Manifest, SortedRun } from '../../src/format/manifest.ts'
import { Paths } from '../../src/format/paths.ts'
import { manifestVersions } from '../../src/manifest/records.ts'
import { retrying } from '../../src/objects/retrying.ts'
import { PATH, type Run } from './run.ts'
import { weather } from './vector.ts'

export class MoverAgent {
  readonly #run: Run
  readonly #random: Random
  #stopped = false

  constructor(run: Run) {
    this.#run = run
    this.#random = new Random(`${run.sim.seed}/mover`)
  }

  /** Moves tables now and then until `stop`; sometimes it is away for so long that writes stall. */
  async move(): Promise<void> {
    const { sim, calm } = this.#run
    const random = this.#random
    const process = sim.process('mover')
    const store = retrying(process.store(weather(random, !calm)), process.env)
    const versions = manifestVersions(store, process.env, new Paths(PATH))
    while (!this.#stopped) {
      await sim.sleep(random.chance(0.1) ? random.int(10_000, 90_000) : random.int(50, 3000))
      if ((await versions.readLatest()) === undefined) continue
      const count = random.int(1, 8)
      await versions.update((manifest) => {
        if (manifest.tree.l0.length === 0) return undefined
        this.#run.count('tables moved', Math.min(count, manifest.tree.l0.length))
        return moveOldest(manifest, count)
      })
    }
  }

  stop(): void {
    this.#stopped = true
  }
}

/** The manifest with its `count` oldest L0 tables as runs above the others. */
export function moveOldest(manifest: Manifest, count: number): Manifest {
  const { tree } = manifest
  const kept = Math.max(0, tree.l0.length - count)
  const moved = tree.l0.slice(kept)
  const [newest] = moved
  if (newest === undefined) return manifest
  const nextId = Math.max(-1, ...tree.runs.map((run) => run.id)) + 1
  const runs = moved.map((view, at): SortedRun => ({ id: nextId + moved.length - 1 - at, views: [view] }))
  return {
    ...manifest,
    tree: {
      l0: tree.l0.slice(0, kept),
      runs: [...runs, ...tree.runs],
      lastCompactedViewId: newest.viewId,
      lastCompactedTableId: later(newest.table.id, tree.lastCompactedTableId),
    },
  }
}

const later = (a: string, b: string | undefined): string => (b === undefined || ulidTime(a) >= ulidTime(b) ? a : b)
