// R2 behind a hostile binding. All of it runs inside workerd, where the binding is at home: the lives are those that the
// servers behind the hostile proxy see.

import { afterAll } from 'vitest'
import { hostileSuite } from '../hostile.ts'
import { provide } from '../lane.ts'
import { startMiniflare } from './servers.ts'

/** 11 kinds of fault and 20 seeds, twice. */
const BUCKETS = 440

const server = await provide('miniflare', () => startMiniflare(BUCKETS))
if (server !== undefined) {
  afterAll(() => server.stop())
  hostileSuite(`R2Store on miniflare ${server.version}`, server.live)
}
