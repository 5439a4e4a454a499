import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { expect, test } from 'vitest'

/** A page or a Worker loads a store with all it imports: minified and gzipped, in bytes. */
const LIMITS: [file: string, bytes: number][] = [
  ['s3.ts', 21_000],
  ['http.ts', 8_000],
  ['r2.ts', 6_000],
]

test.each(LIMITS)('%s stays below %i bytes', async (file, limit) => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(file, import.meta.url))],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    logLevel: 'error',
  })
  expect(gzipSync(outputFiles[0]!.contents, { level: 9 }).length).toBeLessThan(limit)
})
