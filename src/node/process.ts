// The process around a program: being asked to stop. A first signal asks for an orderly end, a second one does not wait.

/** Aborts on the first SIGINT or SIGTERM; `release` gives the signals back to their defaults. */
export interface Interrupts {
  readonly signal: AbortSignal
  /** The name of the signal that came, if one did. */
  readonly received: NodeJS.Signals | undefined
  release(): void
}

/** Thrown as the abort reason, so that the end of a program can tell "asked to stop" from "failed". */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
  readonly signalName: NodeJS.Signals

  constructor(signalName: NodeJS.Signals) {
    super(`interrupted by ${signalName}`)
    this.signalName = signalName
  }
}

export function onInterrupt(): Interrupts {
  const controller = new AbortController()
  let received: NodeJS.Signals | undefined
  const stop = (name: NodeJS.Signals) => {
    received = name
    release()
    controller.abort(new Interrupted(name))
  }
  const release = () => {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  return {
    signal: controller.signal,
    get received() {
      return received
    },
    release,
  }
}
