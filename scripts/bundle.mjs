// After tsc: joins the compiled modules into few files, in place. Node opens, resolves and links every file of a module
// graph on its own, and 120 small ones cost more than opening a database. Declarations stay as tsc wrote them. Packages
// stay outside.
//
// esbuild makes one chunk for every set of entries that share a module, which would be a dozen for the main entry: one
// for what it shares with the S3 store, one for what it shares with both S3 and HTTP, and so on. So every other entry
// asks for all of what the main entry shares with any of them, the kernel, and the main entry becomes three files.

import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')
/** The entry, the engine, the kernel. */
const MAIN_FILES = 3
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
const options = {
  entryPoints,
  absWorkingDir: root,
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
  metafile: true,
  packages: 'external',
  external: ['#*', 'node:*'],
  logLevel: 'warning',
  logOverride: { 'ignored-bare-import': 'silent' },
}

/** What each module imports, by how: `{ path: { static: [...], dynamic: [...] } }`, paths relative to the project. */
async function moduleGraph() {
  const { metafile } = await build({ ...options, write: false, outdir: join(root, 'dist') })
  const of = (input, kind) => input.imports.filter((one) => one.kind === kind && !one.external).map((one) => one.path)
  return Object.fromEntries(
    Object.entries(metafile.inputs).map(([path, input]) => [
      path,
      { static: of(input, 'import-statement'), dynamic: of(input, 'dynamic-import') },
    ]),
  )
}

function reachable(graph, start) {
  const found = new Set([start])
  for (const path of found) for (const next of graph[path].static) found.add(next)
  return found
}

/** For every entry and every module that loads on demand: which modules it asks for besides its own. */
function shares(graph) {
  const main = reachable(graph, 'dist/index.js')
  const roots = new Set(entryPoints.map((path) => relative(root, path)))
  for (const module of Object.values(graph)) for (const path of module.dynamic) roots.add(path)
  const wings = []
  const others = []
  for (const path of roots) {
    const shared = [...reachable(graph, path)].filter((one) => main.has(one))
    // Whoever needs a handle needs most of the engine.
    ;(shared.some((one) => one.startsWith('dist/db/')) ? others : wings).push({ path, shared })
  }
  const kernel = [...new Set(wings.flatMap((one) => one.shared))]
  const asked = new Map()
  for (const { path, shared } of wings) if (shared.length > 0) asked.set(path, kernel)
  for (const { path } of others) if (path !== 'dist/index.js') asked.set(path, [...main])
  return asked
}

/**
 * Adds the imports to the entries. Nothing is used through them and the package has no side effects, so they leave no
 * trace in the output; but esbuild counts whoever reaches a module, by whatever import, when it decides on chunks.
 */
const asking = (asked) => ({
  name: 'kernel',
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, ({ path }) => {
      const imports = asked.get(relative(root, path))?.map((module) => `import ${JSON.stringify(join(root, module))}`)
      return imports && { contents: [readFileSync(path, 'utf8'), ...imports].join('\n'), loader: 'js' }
    })
  },
})

const asked = shares(await moduleGraph())
const { metafile } = await build({ ...options, allowOverwrite: true, plugins: [asking(asked)] })

const started = new Set(['dist/index.js'])
for (const name of started) {
  for (const { path, kind, external } of metafile.outputs[name].imports) {
    if (kind === 'import-statement' && !external) started.add(path)
  }
}
if (started.size > MAIN_FILES) {
  throw new Error(
    `the main entry loads ${started.size} files, at most ${MAIN_FILES} are meant: ${[...started].join(', ')}`,
  )
}

// What was joined into an entry or a chunk is not needed beside it.
const kept = new Set(Object.keys(metafile.outputs).map((name) => join(root, name)))
for (const name of readdirSync(dist, { recursive: true })) {
  const path = join(dist, name)
  if (/\.js(\.map)?$/.test(name) && !kept.has(path)) rmSync(path)
}
const size = Object.values(metafile.outputs).reduce((sum, output) => sum + output.bytes, 0)
const main = [...started].reduce((sum, name) => sum + metafile.outputs[name].bytes, 0)
console.log(
  `bundled ${entryPoints.length} entries into ${kept.size} files of ${size} bytes; ${main} load with the main one`,
)
