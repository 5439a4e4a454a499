import type { Snapshot } from '../db/snapshot.ts'
import { ReadSurface } from './read-surface.ts'

/** A consistent view of the database. `dispose()` releases the data that it pins. */
export class DbSnapshot extends ReadSurface {
  readonly #snapshot: Snapshot

  /** @internal Use `Db.snapshot()`. */
  constructor(snapshot: Snapshot) {
    super('DbSnapshot', snapshot)
    this.#snapshot = snapshot
  }

  protected override release(): void {
    this.#snapshot.close()
  }
}
