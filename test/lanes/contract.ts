// storeSuite at full scale.

import { test } from 'vitest'
import type { Capabilities, ObjectStore } from '../../src/objects/store.ts'
import { storeSuite } from '../../src/sim/store-suite.ts'
import { ALL } from './capabilities.ts'

export interface FreshStore {
  readonly store: ObjectStore
  close?(): Promise<void>
}

/** 100-way races, a 2,100-object list, a 64 MiB object, parts of 5 MiB, names of every script. */
export function contract(name: string, fresh: () => Promise<FreshStore>, capabilities: Capabilities = ALL): void {
  storeSuite(name, fresh, {
    test: (title, body) => test(title, body),
    skip: (title, why) => test.skip(`${title} (${why})`, () => {}),
    capabilities,
    racers: 100,
    listSize: 2100,
    largeBytes: 64 << 20,
    partBytes: 5 << 20,
    unicode: true,
  })
}
