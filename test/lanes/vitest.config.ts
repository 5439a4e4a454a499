// Lanes: the contract of stores and the engine against real servers. `npm run test:s3`, `:azure`, `:r2`, `:gcs`.

import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  root: at('../..'),
  resolve: { alias: { '#native': at('../../src/node/native.ts'), '#host': at('../../src/node/host.ts') } },
  test: {
    include: ['test/lanes/**/*.lane.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    pool: 'forks',
    // One server at a time: the machine's cores belong to the races.
    fileParallelism: false,
    // What a lane says (server, version, what was skipped) is part of its result.
    disableConsoleIntercept: true,
    reporters: ['verbose'],
  },
})
