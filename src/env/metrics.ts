// Counters and gauges of the engine (features.md C). A meter is one object with one number, so counting costs one add;
// a recorder of the user's, if any, is told as well. Names are dotted, labels fixed at registration.

import { observe } from './callback.ts'

export type Labels = Readonly<Record<string, string>>

export interface Meter {
  readonly name: string
  readonly labels: Labels
  readonly kind: 'counter' | 'gauge'
  value: number
}

/** What a user's recorder gets: called on registration, returns what to tell about each change. */
export interface MetricsRecorder {
  register(kind: 'counter' | 'gauge', name: string, labels: Labels): { update(value: number): void }
}

export class Metrics {
  readonly #meters = new Map<string, Meter>()
  readonly #recorder: MetricsRecorder | undefined

  constructor(recorder?: MetricsRecorder) {
    this.#recorder = recorder
  }

  counter(name: string, labels: Labels = {}): Meter {
    return this.#meter('counter', name, labels)
  }

  gauge(name: string, labels: Labels = {}): Meter {
    return this.#meter('gauge', name, labels)
  }

  /** All current values: `name{label="value"}` -> number. */
  snapshot(): Record<string, number> {
    const out: Record<string, number> = {}
    for (const [key, meter] of this.#meters) out[key] = meter.value
    return out
  }

  meters(): Meter[] {
    return [...this.#meters.values()]
  }

  #meter(kind: 'counter' | 'gauge', name: string, labels: Labels): Meter {
    const key = meterKey(name, labels)
    let meter = this.#meters.get(key)
    if (meter === undefined) {
      meter = this.#recorder === undefined ? { name, labels, kind, value: 0 } : this.#recorded(kind, name, labels)
      this.#meters.set(key, meter)
    }
    return meter
  }

  #recorded(kind: 'counter' | 'gauge', name: string, labels: Labels): Meter {
    const sink = this.#sink(kind, name, labels)
    let current = 0
    let isTelling = false
    return {
      name,
      labels,
      kind,
      get value() {
        return current
      },
      set value(next: number) {
        current = next
        // A recorder that uses the database moves this same counter: it is told once, with what the counter is then.
        if (isTelling) return
        isTelling = true
        observe(() => sink?.update(current))
        isTelling = false
      },
    }
  }

  /** Registered when a counter moves for the first time, in the middle of any call: a failure costs this counter only. */
  #sink(kind: 'counter' | 'gauge', name: string, labels: Labels): ReturnType<MetricsRecorder['register']> | undefined {
    try {
      return this.#recorder!.register(kind, name, labels)
    } catch {
      return undefined
    }
  }
}

function meterKey(name: string, labels: Labels): string {
  const parts = Object.keys(labels)
    .sort()
    .map((key) => `${key}=${JSON.stringify(labels[key])}`)
  return parts.length === 0 ? name : `${name}{${parts.join(',')}}`
}
