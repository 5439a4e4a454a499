// Runs test/fuzz/main.ts: bundled first, because the oldest Node that is supported runs no TypeScript. See docs/testing.md.

import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
// Below node_modules, so that packages are found from there.
const folder = join(root, 'node_modules', '.cache', `fuzz-${process.pid}`)
try {
  await build({
    entryPoints: [join(root, 'test/fuzz/main.ts')],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    alias: { '#native': join(root, 'src/node/native.ts'), '#host': join(root, 'src/node/host.ts') },
    logLevel: 'warning',
  })
  const args = ['--enable-source-maps', join(folder, 'main.mjs'), ...process.argv.slice(2)]
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
  process.exitCode = status ?? 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
