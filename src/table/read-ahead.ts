// How much a scan fetches, and how far ahead of its reader. Said by the caller: stretches of a fixed size, a fixed number
// of them at once. Otherwise by what was read so far: the first fetch is one block, for a short scan needs no more; every
// later one may bring four times what was read in a row, and from the second on the next stretches are fetched ahead of
// the reader, up to eight of 2 MiB. So a long scan runs at the speed of parallel requests after half a dozen round trips,
// and what a scan that ends early has fetched in vain is bounded by what it has read.

export interface ReadAhead {
  /** A fetch covers the fewest neighbouring blocks that have at least this many bytes. */
  readonly readAheadBytes?: number | undefined
  /** Fetches under way at once; with 1 nothing is fetched before it is needed. */
  readonly maxFetchTasks?: number | undefined
  /** Whether fetched blocks go into the cache. Default false. */
  readonly cacheBlocks?: boolean | undefined
  /** What the sources of one scan share; without it each has its own. */
  readonly budget?: AheadBudget | undefined
}

const KiB = 1024
const MiB = 1024 * KiB
const GROWTH = 4
/** Below this two requests are not worth being made instead of one. */
const SMALLEST_AHEAD = 256 * KiB
const LARGEST_FETCH = 2 * MiB
const MAX_AHEAD = 8 * LARGEST_FETCH

/**
 * Bytes ahead of the readers of all sources of a scan, here or under way: merging many must not cost memory. Sources that
 * are read in turns have equal shares, for a merge is as fast as its slowest source.
 */
export class AheadBudget {
  held = 0
  /** Bytes that one source may have ahead. */
  share = MAX_AHEAD
  /** Bytes read in a row, by each of the sources that are read now: one that begins when another ends goes on like it. */
  read = 0
  readonly #paces: Pace[] = []
  #turn = 0
  #total = 0
  /** Sources that came to a stretch lately: within two rounds of those that did before. */
  #active = 1

  get left(): number {
    return MAX_AHEAD - this.held
  }

  join(pace: Pace): void {
    this.#paces.push(pace)
  }

  /** A source comes to its next stretch of `bytes`. */
  turn(pace: Pace, bytes: number): void {
    this.#total += bytes
    const turn = ++this.#turn
    pace.lastTurn = turn
    let active = 0
    for (const other of this.#paces) {
      if (other.lastTurn > 0 && turn - other.lastTurn <= 2 * this.#active) active++
    }
    this.#active = active
    this.share = MAX_AHEAD / active
    this.read = this.#total / active
  }

  /** The scan jumped. */
  jumps(): void {
    this.#total = 0
    this.read = 0
  }
}

/** The pace of one reader; the tables of a sorted run hand it on. */
export class Pace {
  readonly budget: AheadBudget
  /** Of its budget. */
  lastTurn = 0
  /** Bytes that a fixed pace fetches at least; 0 = it grows. */
  readonly #fixedBytes: number
  readonly #tasks: number
  /** Bytes, and stretches, read in a row. */
  #read = 0
  #stretches = 0
  /** Bytes ahead of the reader, here or under way. */
  #ahead = 0

  constructor({ readAheadBytes, maxFetchTasks, budget = new AheadBudget() }: ReadAhead) {
    this.budget = budget
    const fixed = readAheadBytes !== undefined || maxFetchTasks !== undefined
    this.#fixedBytes = fixed ? Math.max(1, readAheadBytes ?? 1) : 0
    this.#tasks = Math.max(1, maxFetchTasks ?? 1)
    budget.join(this)
  }

  /** Whether what is fetched depends on what was read. */
  get grows(): boolean {
    return this.#fixedBytes === 0
  }

  /** Bytes that may be ahead of the reader now. */
  get target(): number {
    return this.#stretches < 2 ? 0 : Math.min(this.budget.share, GROWTH * this.#inARow())
  }

  /** A stretch is asked for. */
  asks(bytes: number): void {
    this.#ahead += bytes
    this.budget.held += bytes
  }

  /** A stretch that was asked for is not ahead of the reader any more. */
  drops(bytes: number): void {
    this.#ahead -= bytes
    this.budget.held -= bytes
  }

  /** The reader comes to a stretch. */
  reads(bytes: number): void {
    this.drops(bytes)
    this.#read += bytes
    // Every source of a scan begins with a block; that does not make it one that is read in a row.
    if (++this.#stretches > 1) this.budget.turn(this, bytes)
  }

  /** The reader jumped: what it read so far says nothing about what comes. */
  jumps(): void {
    this.#read = 0
    this.#stretches = 0
    this.budget.jumps()
  }

  /** Bytes to fetch when the reader waits. */
  demand(): number {
    if (this.#fixedBytes > 0) return this.#fixedBytes
    const wanted = Math.min(LARGEST_FETCH, GROWTH * this.#inARow())
    return Math.max(1, Math.min(wanted, Math.max(SMALLEST_AHEAD, this.budget.left)))
  }

  /** The first fetch of a source is one block, whatever others have read. */
  #inARow(): number {
    return this.#stretches === 0 ? this.#read : Math.max(this.#read, this.budget.read)
  }

  /** Bytes to fetch ahead now, 0 for none; `stretches` and `fetches`, ahead and under way, are those of the table. */
  ahead(stretches: number, fetches: number): number {
    if (this.#fixedBytes > 0) {
      const room = this.#tasks > 1 && fetches < this.#tasks && stretches < this.#tasks
      return room ? this.#fixedBytes : 0
    }
    const { target } = this
    const ahead = this.#ahead
    const size = Math.min(LARGEST_FETCH, Math.max(SMALLEST_AHEAD, target / 4))
    // What is missing to the target waits until it is worth a request.
    if (target === 0 || (ahead > 0 && target - ahead < size / 2)) return 0
    const wanted = Math.min(size, target - ahead)
    if (wanted <= this.budget.left) return wanted
    // Others have it all: one small stretch ahead keeps this reader from waiting for every one.
    return ahead === 0 ? Math.min(wanted, SMALLEST_AHEAD) : 0
  }
}
