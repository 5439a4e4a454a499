// A store handle of one simulated process on a bucket that all processes share. Seeded latencies decide how calls
// interleave: a call takes effect at one instant between its start and its end, atomically, as on a real store.

import { concatBytes } from '../bytes/compare.ts'
import { crc32 } from '../bytes/crc32.ts'
import type { Random } from '../env/random.ts'
import { invalid, isSlateDBError, type SlateDBError, storeError } from '../errors.ts'
import { copyBody } from '../objects/body.ts'
import type { MemoryStore } from '../objects/memory-store.ts'
import type {
  Body,
  Capabilities,
  GetOptions,
  GetResult,
  HeadResult,
  ListOptions,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  PutResult,
  RequestOptions,
  Upload,
} from '../objects/store.ts'
import { checkPath, checkPrefix } from '../objects/store-path.ts'
import { checkRange } from '../objects/store-range.ts'
import { type Outcome, settled } from './check.ts'
import { appliesTo, drawFault, type FaultKind, type FaultRates, faultRates } from './faults.ts'
import type { SimProcess } from './process.ts'
import type { SimRequest, SimWorld } from './world.ts'

export type SimOp =
  | 'get'
  | 'head'
  | 'put'
  | 'delete'
  | 'list'
  | 'copy'
  | 'upload start'
  | 'upload part'
  | 'upload complete'
  | 'upload abort'

export type SimFilter = (op: SimOp, path: string) => boolean

export interface SimStoreOptions {
  /** Which bucket of the world; 'main' when left out. */
  readonly bucket?: string
  /** Least and greatest duration of a call. With [1, 1], elapsed time is the number of calls that wait for each other. */
  readonly latencyMs?: readonly [min: number, max: number]
  /** Bodies take this long on top; none when left out. */
  readonly bytesPerMs?: number
  /** Probability of any ordinary fault, or of each kind. */
  readonly faults?: number | FaultRates
  /** Faults hit only these calls. */
  readonly faultsOn?: SimFilter
  /** How long a call with a `timeout` takes. */
  readonly timeoutMs?: number
  /** Take away from what the store can do, for engines must live with less. */
  readonly capabilities?: Partial<Capabilities>
}

type Abortable = RequestOptions | undefined

export class SimStore implements ObjectStore {
  readonly capabilities: Capabilities
  readonly #world: SimWorld
  readonly #process: SimProcess
  readonly #bucket: MemoryStore
  readonly #random: Random
  readonly #options: SimStoreOptions
  readonly #scripted: { kind: FaultKind; on: SimFilter; times: number }[] = []
  #rates: FaultRates
  #calls = 0
  #crash: { call: number; when: 'before' | 'after' } | undefined
  #outageUntilMs = 0

  constructor(world: SimWorld, process: SimProcess, options: SimStoreOptions = {}) {
    this.#world = world
    this.#process = process
    this.#bucket = world.bucket(options.bucket)
    this.#random = world.random.fork(`store of ${process.name}`)
    this.#options = options
    this.#rates = faultRates(options.faults ?? 0)
    this.capabilities = { ...this.#bucket.capabilities, ...options.capabilities }
  }

  /** Calls made so far. */
  get calls(): number {
    return this.#calls
  }

  /** Kills the process at call number `call` of this handle: before the store does it, or after, without an answer. */
  crashAt(call: number, when: 'before' | 'after'): void {
    this.#crash = { call, when }
  }

  /** Changes the rates of faults from now on. */
  setFaults(faults: number | FaultRates): void {
    this.#rates = faultRates(faults)
  }

  /** The next `times` calls that match suffer exactly this fault. */
  inject(kind: FaultKind, on: SimFilter = () => true, times = 1): void {
    this.#scripted.push({ kind, on, times })
  }

  /** All calls of this handle fail with 503 for the next `ms`. */
  outage(ms: number): void {
    this.#outageUntilMs = this.#world.clock.monotonic() + ms
  }

  async get(path: string, options: GetOptions = {}): Promise<GetResult> {
    checkRange(path, options.range)
    checkPath(path)
    const { range, ifNoneMatch } = options
    if (range !== undefined && 'suffix' in range) this.#needs('suffixRange', path)
    return this.#call('get', path, options, JSON.stringify(range ?? 'all'), {
      effect: () => this.#bucket.get(path, { range, ifNoneMatch }),
      answerBytes: (result) => result.bytes.length,
    })
  }

  async head(path: string, options?: RequestOptions): Promise<HeadResult> {
    checkPath(path)
    return this.#call('head', path, options, '', {
      effect: async () => {
        const { metadata, ...info } = await this.#bucket.head(path)
        return this.capabilities.metadata ? { ...info, metadata } : info
      },
    })
  }

  async put(path: string, body: Body, options: PutOptions): Promise<PutResult> {
    checkPath(path)
    // What travels is what was there when the call was made.
    const sent = copyBody(body)
    const { mode, metadata } = options
    if (typeof mode === 'object') this.#needs('compareAndSet', path)
    if (mode === 'create') this.#needs('createIfAbsent', path)
    return this.#call('put', path, options, `${JSON.stringify(mode)} ${fingerprint(sent)}`, {
      effect: () => this.#bucket.put(path, sent, { mode, metadata }),
      bytes: sent.length,
    })
  }

  async delete(path: string, options?: RequestOptions): Promise<void> {
    checkPath(path)
    return this.#call('delete', path, options, '', { effect: () => this.#bucket.delete(path) })
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ObjectInfo[]> {
    checkPrefix(prefix)
    const { startAfter } = options
    return this.#call('list', prefix, options, startAfter ?? '', {
      effect: () => this.#bucket.list(prefix, { startAfter }),
    })
  }

  async copy(from: string, to: string, options?: RequestOptions): Promise<void> {
    checkPath(from)
    checkPath(to)
    return this.#call('copy', to, options, from, { effect: () => this.#bucket.copy(from, to) })
  }

  async startUpload(path: string, options: Omit<PutOptions, 'mode'> = {}): Promise<Upload> {
    checkPath(path)
    const { metadata } = options
    return this.#call('upload start', path, options, '', { effect: async () => this.#upload(path, metadata) })
  }

  describe(): string {
    return `simulated bucket ${this.#options.bucket ?? 'main'}, seen by ${this.#process.name}`
  }

  #needs(capability: keyof Capabilities, path: string): void {
    if (!this.capabilities[capability]) throw storeError('NotSupported', path, `this store has no ${capability}`)
  }

  #upload(path: string, metadata: PutOptions['metadata']): Upload {
    const parts: (Uint8Array | undefined)[] = []
    let ended = false
    const begin = () => {
      if (ended) throw invalid('UPLOAD_ENDED', `object ${JSON.stringify(path)}: this upload was completed or aborted`)
    }
    return {
      part: async (body, options) => {
        begin()
        const at = parts.push(undefined) - 1
        const sent = copyBody(body)
        await this.#call('upload part', path, options, `${at} ${fingerprint(sent)}`, {
          effect: async () => {
            if (!ended) parts[at] = sent
          },
          bytes: sent.length,
        })
      },
      complete: async (options) => {
        begin()
        return this.#call('upload complete', path, options, '', {
          effect: async () => {
            if (ended) throw storeError('NotFound', path, 'there is no such upload')
            const missing = parts.indexOf(undefined)
            if (missing >= 0) throw storeError('Generic', path, `part ${missing + 1} was not written`)
            ended = true
            return this.#bucket.put(path, concatBytes(parts as Uint8Array[]), { mode: 'overwrite', metadata })
          },
        })
      },
      abort: () =>
        this.#call('upload abort', path, undefined, '', {
          effect: async () => {
            ended = true
            parts.length = 0
          },
        }),
    }
  }

  #call<T>(op: SimOp, path: string, options: Abortable, detail: string, call: Call<T>): Promise<T> {
    const signal = options?.signal
    if (signal?.aborted) return Promise.reject(signal.reason)
    const { clock } = this.#world
    const number = ++this.#calls
    const request: SimRequest = {
      process: this.#process.name,
      call: number,
      op,
      path,
      startMs: clock.monotonic(),
      endMs: undefined,
      outcome: undefined,
      fault: undefined,
    }
    // A dead process's code may still run to its next wait; nothing it does reaches the world.
    if (this.#process.isDead) return never()
    this.#world.requests.push(request)
    this.#world.note(`${this.#process.name} #${number} ${op} ${path} ${detail}`)
    const crash = this.#crash?.call === number ? this.#crash.when : undefined
    if (crash === 'before') {
      this.#process.kill()
      return never()
    }
    // A crash point says what happens to its call.
    const fault = crash === undefined ? this.#drawFault(op, path) : undefined
    if (fault !== undefined) {
      request.fault = fault
      this.#world.countFault(fault)
    }
    return new Promise((resolve, reject) => {
      this.#run(op, path, call, request, crash, signal, (outcome) => {
        if (outcome.ok) resolve(outcome.value)
        else reject(outcome.error)
      })
    })
  }

  /** Sets the two events of a call: its effect in the world's time, its answer in the process's. */
  #run<T>(
    op: SimOp,
    path: string,
    call: Call<T>,
    request: SimRequest,
    crash: 'after' | undefined,
    signal: AbortSignal | undefined,
    settle: (outcome: Outcome<T>) => void,
  ): void {
    const { clock } = this.#world
    const { fault } = request
    const startMs = clock.monotonic()
    const durationMs = this.#durationMs(fault, call.bytes ?? 0)
    const endMs = startMs + durationMs
    // All drawn always, so that a fault moves none of the later draws.
    const effectMs = startMs + durationMs * this.#random.float()
    const lateMs = durationMs * this.#random.float() * 20
    const arrivesAnyway = this.#random.chance(0.5)
    const label = `#${request.call} ${op} ${path}`
    let abandoned = false

    const onAbort = () => {
      abandoned = true
      this.#finish(request, 'aborted')
      settle({ ok: false, error: signal!.reason })
    }
    signal?.addEventListener('abort', onAbort, { once: true })

    // On the process's clock: a killed process never hears of it, a frozen one later.
    const answer = (result: Outcome<T>, atMs: number) => {
      const hear = () => {
        if (abandoned) return
        signal?.removeEventListener('abort', onAbort)
        this.#finish(request, result.ok ? 'ok' : nameOf(result.error))
        settle(result)
      }
      this.#process.at(atMs, hear, `answer to ${label}`)
    }
    const takeEffect = async () => {
      // Whoever sent it is gone: the request was on its way, or it was not.
      if ((abandoned || this.#process.isDead) && !arrivesAnyway) return
      const outcome = await this.#effect(op, path, call, fault)
      if (crash === 'after') this.#process.kill()
      if (failure !== undefined) return
      const bytes = outcome.ok ? (call.answerBytes?.(outcome.value) ?? 0) : 0
      answer(outcome, endMs + this.#travelMs(bytes))
    }
    const failure = fault === undefined ? undefined : failureOf(fault, path)
    if (failure !== undefined) answer({ ok: false, error: failure }, endMs)
    if (fault === undefined || !FAILS_BEFORE.includes(fault)) {
      clock.at(fault === 'late' ? endMs + lateMs : effectMs, () => void takeEffect(), {
        label: `effect of ${this.#process.name} ${label}`,
      })
    }
  }

  async #effect<T>(op: SimOp, path: string, call: Call<T>, fault: FaultKind | undefined): Promise<Outcome<T>> {
    if (fault === 'falseMissing') return { ok: false, error: storeError('NotFound', path, 'injected: not seen yet') }
    let outcome = await settled(call.effect())
    if (fault === 'duplicate') outcome = await settled(call.effect())
    if (!outcome.ok) return outcome
    if (fault === 'short' && op === 'get') {
      const result = outcome.value as unknown as GetResult
      const bytes = result.bytes.subarray(0, this.#random.int(0, Math.max(0, result.bytes.length - 1)))
      return { ok: true, value: { ...result, bytes } as unknown as T }
    }
    if (fault === 'staleList') {
      const horizonMs = this.#world.clock.now() - this.#random.int(1, 2000)
      const listed = outcome.value as unknown as ObjectInfo[]
      return { ok: true, value: listed.filter((info) => info.lastModified <= horizonMs) as unknown as T }
    }
    return outcome
  }

  #finish(request: SimRequest, outcome: string): void {
    request.endMs = this.#world.clock.monotonic()
    request.outcome = outcome
    const fault = request.fault === undefined ? '' : ` (${request.fault})`
    this.#world.note(`${request.process} #${request.call} ${request.op} ${request.path} -> ${outcome}${fault}`)
  }

  #durationMs(fault: FaultKind | undefined, bytes: number): number {
    const [min, max] = this.#options.latencyMs ?? [1, 10]
    const plain = min + this.#random.float() * (max - min) + this.#travelMs(bytes)
    if (fault === 'slow') return plain * 50
    // A lost answer is noticed as a broken connection, or not before the time is up.
    if (fault === 'timeout' || (fault === 'lost' && this.#random.chance(0.5))) return this.#options.timeoutMs ?? 5000
    return plain
  }

  #travelMs(bytes: number): number {
    return bytes / (this.#options.bytesPerMs ?? Number.POSITIVE_INFINITY)
  }

  #drawFault(op: SimOp, path: string): FaultKind | undefined {
    const drawn = drawFault(this.#random, this.#rates, op)
    const nowMs = this.#world.clock.monotonic()
    if (this.#world.isOutage || nowMs < this.#outageUntilMs) return 'unavailable'
    const at = this.#scripted.findIndex(({ kind, on }) => appliesTo(kind, op) && on(op, path))
    if (at >= 0) {
      const script = this.#scripted[at]!
      if (--script.times <= 0) this.#scripted.splice(at, 1)
      return script.kind
    }
    return this.#options.faultsOn?.(op, path) === false ? undefined : drawn
  }
}

interface Call<T> {
  /** Runs at the instant of the effect, without waiting for anything. */
  readonly effect: () => Promise<T>
  readonly bytes?: number
  readonly answerBytes?: (result: T) => number
}

const FAILS_BEFORE: readonly FaultKind[] = ['reset', 'unavailable', 'timeout']

function failureOf(fault: FaultKind, path: string): SlateDBError | undefined {
  switch (fault) {
    case 'reset':
    case 'lost':
      return storeError('Generic', path, 'injected: the connection was reset')
    case 'unavailable':
      return storeError('Generic', path, 'injected: 503, slow down')
    case 'timeout':
    case 'late':
      return storeError('Generic', path, 'injected: no answer in time')
    default:
      return undefined
  }
}

const never = (): Promise<never> => new Promise(() => {})

const nameOf = (error: unknown): string =>
  isSlateDBError(error) ? (error.storeReason ?? error.code) : error instanceof Error ? error.name : String(error)

const fingerprint = (bytes: Uint8Array): string => `${bytes.length} bytes ${crc32(bytes).toString(16)}`
