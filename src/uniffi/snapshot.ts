import type { Snapshot } from '../db/snapshot.ts'
import { whenForgotten } from './forgotten.ts'
import { ReadSurface } from './read-surface.ts'

/** A consistent view of the database. `dispose()` releases the data that it pins. */
export class DbSnapshot extends ReadSurface {
  readonly #snapshot: Snapshot

  /** @internal Use `Db.snapshot()`. */
  constructor(snapshot: Snapshot) {
    super(snapshot)
    this.#snapshot = snapshot
    whenForgotten(this, () => snapshot.close())
  }

  protected override release(): void {
    this.#snapshot.close()
  }
}
