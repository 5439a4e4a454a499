// The engine's tests on a store that this process reaches.

import { describe, test } from 'vitest'
import type { ObjectStore } from '../../src/objects/store.ts'
import { engineTests } from './engine-tests.ts'

export function engineSuite(name: string, fresh: () => Promise<ObjectStore>): void {
  describe(`the engine on ${name}`, () => {
    for (const [title, body] of engineTests(fresh)) test(title, body)
  })
}
