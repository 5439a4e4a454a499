// SIEVE, an eviction rule for caches: entries stand in a queue in the order they came; a hit only sets a bit. When room
// is needed, a hand walks from the oldest to the newest: an entry with its bit set keeps its place and loses the bit,
// the first one without goes. New entries must prove themselves before the hand comes around, so one long scan does not
// wash the cache out. (Zhang et al., NSDI 2024.)

export abstract class SieveEntry {
  /** Set on a hit, cleared by the hand. */
  visited = false
  /** Bytes of memory. */
  readonly size: number
  newer: SieveEntry | undefined
  older: SieveEntry | undefined
  /** True while the entry is in a cache. */
  held = false

  constructor(size: number) {
    this.size = size
  }

  /** The cache let go of this entry: forget what it holds. */
  abstract evicted(): void
}

export class Sieve {
  readonly capacity: number
  used = 0
  count = 0
  #newest: SieveEntry | undefined
  #oldest: SieveEntry | undefined
  #hand: SieveEntry | undefined

  constructor(capacity: number) {
    this.capacity = capacity
  }

  /** False when the entry is larger than the whole cache. */
  insert(entry: SieveEntry): boolean {
    if (entry.size > this.capacity) return false
    while (this.used + entry.size > this.capacity) this.#evict()
    entry.older = this.#newest
    entry.newer = undefined
    if (this.#newest !== undefined) this.#newest.newer = entry
    this.#newest = entry
    this.#oldest ??= entry
    entry.held = true
    this.used += entry.size
    this.count++
    return true
  }

  remove(entry: SieveEntry): void {
    if (!entry.held) return
    if (this.#hand === entry) this.#hand = entry.newer
    if (entry.newer === undefined) this.#newest = entry.older
    else entry.newer.older = entry.older
    if (entry.older === undefined) this.#oldest = entry.newer
    else entry.older.newer = entry.newer
    entry.newer = undefined
    entry.older = undefined
    entry.held = false
    this.used -= entry.size
    this.count--
    entry.evicted()
  }

  #evict(): void {
    let entry = this.#hand ?? this.#oldest!
    while (entry.visited) {
      entry.visited = false
      entry = entry.newer ?? this.#oldest!
    }
    this.#hand = entry.newer
    this.remove(entry)
  }
}
