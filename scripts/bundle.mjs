// After tsc: joins the compiled modules into one file per entry plus shared chunks, in place. Node opens and links every
// file of a module graph on its own, and 120 small ones cost more than opening a database. Declarations stay as tsc
// wrote them. Packages stay outside, except the FlatBuffers runtime, which every start needs.

import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** Every file that package.json names: what others, or Node itself, import by name. */
function entries() {
  const found = new Set()
  const visit = (value) => {
    if (typeof value === 'string') {
      if (value.startsWith('./dist/') && value.endsWith('.js')) found.add(join(root, value))
    } else if (value !== null && typeof value === 'object') Object.values(value).forEach(visit)
  }
  visit([manifest.exports, manifest.imports, manifest.bin])
  return [...found]
}

const entryPoints = entries()
const { metafile } = await build({
  entryPoints,
  outdir: dist,
  outbase: dist,
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  // Names stay, for readable stacks; white space and comments cost every start the time to skip them.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  sourcemap: true,
  sourcesContent: false,
  allowOverwrite: true,
  metafile: true,
  packages: 'external',
  // Another name than a package's is not external.
  alias: { flatbuffers: join(root, 'node_modules/flatbuffers/mjs/flatbuffers.js') },
  external: ['#*', 'node:*'],
  logLevel: 'warning',
})

// What was joined into an entry or a chunk is not needed beside it.
const kept = new Set(Object.keys(metafile.outputs).map((name) => join(root, name)))
for (const name of readdirSync(dist, { recursive: true })) {
  const path = join(dist, name)
  if (/\.js(\.map)?$/.test(name) && !kept.has(path)) rmSync(path)
}
const size = Object.values(metafile.outputs).reduce((sum, output) => sum + output.bytes, 0)
console.log(`bundled ${entryPoints.length} entries into ${kept.size} files, ${relative(root, dist)}: ${size} bytes`)
