// What the package costs those who load it: bytes for a browser that only reads, and modules for everybody.

import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build, type Metafile } from 'esbuild'
import { describe, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Bundles `code` as a browser would get it; splitting keeps what loads at once apart from what loads on demand. */
async function bundle(code: string) {
  const result = await build({
    stdin: { contents: code, resolveDir: ROOT, loader: 'ts' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    conditions: ['browser'],
    minify: true,
    metafile: true,
    write: false,
    outdir: 'out',
    absWorkingDir: ROOT,
    logLevel: 'error',
    alias: {
      '#native': join(ROOT, 'src/compress/no-native.ts'),
      '#host': join(ROOT, 'src/objects/no-host.ts'),
    },
  })
  const eager = eagerOutputs(result.metafile)
  const files = result.outputFiles.filter((file) => eager.has(relative(ROOT, file.path)))
  return {
    gzipped: gzipSync(Buffer.concat(files.map((file) => file.contents))).length,
    inputs: inputsOf(result.metafile, eager),
  }
}

/** The entry's output and all that it imports statically. */
function eagerOutputs(metafile: Metafile): Set<string> {
  const entry = Object.keys(metafile.outputs).find((name) => metafile.outputs[name]!.entryPoint === '<stdin>')!
  const found = new Set([entry])
  for (const name of found) {
    for (const { path, kind } of metafile.outputs[name]!.imports) if (kind === 'import-statement') found.add(path)
  }
  return found
}

function inputsOf(metafile: Metafile, outputs: Set<string>): string[] {
  return [...new Set([...outputs].flatMap((name) => Object.keys(metafile.outputs[name]!.inputs)))]
}

const packagesIn = (inputs: readonly string[]) => inputs.filter((input) => input.includes('node_modules/'))

describe('what loads', () => {
  test('a reader over HTTP, bundled for a browser, stays below 60 KB gzipped', async () => {
    const { gzipped, inputs } = await bundle(
      `export { openReader } from './src/db/reader.ts'\nexport { HttpStore } from './src/stores/http.ts'`,
    )
    expect(inputs).toContain('src/db/reader.ts')
    expect(inputs).toContain('src/stores/http.ts')
    expect(gzipped).toBeLessThan(60_000)
  })

  test('a writer on S3, bundled for a browser, stays below 95 KB gzipped, and does not bring the reader of settings', async () => {
    const { gzipped, inputs } = await bundle(
      `export { openDb } from './src/db/open.ts'\nexport { S3Store } from './src/stores/s3.ts'`,
    )
    expect(inputs).toContain('src/db/settings-defaults.ts')
    expect(inputs.filter((input) => /settings-(parse|names)|duration/.test(input))).toEqual([])
    expect(inputs.filter((input) => /^src\/compress\/(snappy|lz4|zlib|zstd)/.test(input))).toEqual([])
    expect(gzipped).toBeGreaterThan(40_000)
    expect(gzipped).toBeLessThan(95_000)
  })

  test('all of the main entry, bundled for a browser, stays below 95 KB gzipped', async () => {
    const { gzipped } = await bundle(`export * from './src/index.ts'`)
    expect(gzipped).toBeGreaterThan(20_000)
    expect(gzipped).toBeLessThan(95_000)
  })

  test('the main entry loads no package, no store, and nothing of Node', async () => {
    const { inputs } = await bundle(`export * from './src/index.ts'`)
    expect(inputs.some((input) => input.endsWith('src/api/slatedb.ts'))).toBe(true)
    expect(packagesIn(inputs)).toEqual([])
    expect(inputs.filter((input) => /^src\/(node|cli|sim)\//.test(input))).toEqual([])
  })

  test('a package that loads is seen', async () => {
    const { inputs } = await bundle(`export { compress } from 'snappyjs'`)
    expect(packagesIn(inputs).length).toBeGreaterThan(0)
  })
})
