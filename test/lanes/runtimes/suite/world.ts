// What the suite needs to know about the runtime it runs in, and how it says what it found. The suite itself speaks web
// standards only: the entries (process.ts, page.ts, worker.ts) make the world.

export interface World {
  readonly kind: WorldKind
  /** Where the golden databases are served: another origin than that of the page. */
  readonly server: string
  /** A fresh folder on the disk, an absolute path; undefined where there is no file system. */
  readonly folder: string | undefined
  /** Something worth printing, or comparing between runtimes. */
  note(name: string, value: string): void
}

/** A process with a disk, a page in a browser, or a Worker. */
export type WorldKind = 'process' | 'page' | 'worker'

export type Checks = Map<string, () => Promise<void>>

/** What a runtime reports, one after the other: every check, then the end. */
export type Report =
  | { readonly check: string; readonly ms: number; readonly error?: string }
  | { readonly notes: Readonly<Record<string, string>>; readonly rejections: readonly string[] }

/** A rejection that a check leaves behind on purpose. */
export const PLANTED = 'planted by the suite'

/** A check that takes longer hangs: no runtime needs more than seconds. */
const LIMIT_MS = 45_000

/** Runs all checks in their order and reports each as it ends. */
export async function runChecks(
  checks: Checks,
  notes: Readonly<Record<string, string>>,
  report: (report: Report) => unknown,
): Promise<void> {
  const watch = watchRejections()
  for (const [check, body] of checks) {
    const start = performance.now()
    let error: string | undefined
    try {
      await limited(body())
    } catch (thrown) {
      error = textOf(thrown)
    }
    const ms = Math.round(performance.now() - start)
    await report(error === undefined ? { check, ms } : { check, ms, error })
  }
  // What is rejected and forgotten shows a turn later.
  await new Promise((resolve) => setTimeout(resolve, 20))
  watch.stop()
  const rejections = [...watch.found.values()].map(textOf).filter((text) => !text.includes(PLANTED))
  await report({ notes, rejections })
}

async function limited(work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it did not end within ${LIMIT_MS} ms`)), LIMIT_MS)
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

function watchRejections(): { readonly found: ReadonlyMap<object, unknown>; stop(): void } {
  const found = new Map<object, unknown>()
  if (typeof process === 'object' && typeof process.on === 'function') {
    const listener = (error: unknown, promise: object) => void found.set(promise, error)
    process.on('unhandledRejection', listener)
    return { found, stop: () => void process.off('unhandledRejection', listener) }
  }
  // Workers call out at once, and take it back when somebody looks within the same turn.
  const abort = new AbortController()
  const on = (name: string, hear: (event: PromiseRejectionEvent) => void) =>
    globalThis.addEventListener(name, (event) => hear(event as PromiseRejectionEvent), { signal: abort.signal })
  on('unhandledrejection', (event) => {
    event.preventDefault()
    found.set(event.promise, event.reason)
  })
  on('rejectionhandled', (event) => found.delete(event.promise))
  return { found, stop: () => abort.abort() }
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `\ncaused by ${textOf(error.cause)}`
  // Not every engine begins the stack with the message.
  return `${error.name}: ${error.message}\n${(error.stack ?? '').split('\n').slice(0, 8).join('\n')}${cause}`
}
