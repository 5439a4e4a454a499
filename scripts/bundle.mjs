// After tsc: joins the compiled modules into few files, in place. Node opens, resolves and links every file of a module
// graph on its own, and 120 small ones cost more than opening a database. Declarations stay as tsc wrote them. Packages
// stay outside. Nothing is minified: names, lines and source maps are what a stack trace of a user is read by, and an
// app's own bundler minifies better. The same modules for `require` are written by commonjs.mjs.
//
// esbuild makes one chunk for every set of entries that share a module, which would be a dozen for the main entry: one
// for what it shares with the S3 store, one for what it shares with both S3 and HTTP, and so on. So every other entry
// asks for all of what the main entry shares with any of them, the kernel, and the main entry becomes three files.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { entriesOf, forApps, writeCommonJs } from './commonjs.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')
/** The entry, the engine, the kernel. */
const MAIN_FILES = 3
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** Every file that package.json names: what others, or Node itself, import by name. */
const entryPoints = entriesOf([manifest.exports, manifest.imports, manifest.bin]).map((name) => join(dist, name))
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

/** A file name that says what is in it: the room for the two big chunks, else the largest module. */
function chunkNames(outputs) {
  const names = new Map()
  const taken = new Set()
  for (const [path, { inputs, entryPoint }] of Object.entries(outputs)) {
    if (!path.startsWith('dist/chunks/') || !path.endsWith('.js')) continue
    const modules = Object.entries(inputs).sort((a, b) => b[1].bytesInOutput - a[1].bytesInOutput)
    const has = (module) => module in inputs
    const largest = entryPoint ?? modules[0]?.[0] ?? path
    const plain = has('dist/db/db.js') ? 'engine' : has('dist/errors.js') ? 'kernel' : basename(largest, '.js')
    let name = plain
    for (let n = 2; taken.has(name); n++) name = `${plain}-${n}`
    taken.add(name)
    names.set(basename(path, '.js'), name)
  }
  return names
}

const asked = shares(await moduleGraph())
const { metafile, outputFiles } = await build({ ...options, write: false, plugins: [asking(asked)] })
const names = chunkNames(metafile.outputs)
const hashed = new RegExp(`\\b(${[...names.keys()].join('|')})(?=\\.js\\b)`, 'g')
const renamed = (text) => text.replace(hashed, (name) => names.get(name))

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

// What was joined into an entry or a chunk is not needed beside it, nor is what an earlier build left.
for (const name of readdirSync(dist, { recursive: true })) {
  const path = join(dist, name)
  if (/\.js(\.map)?$/.test(name)) rmSync(path)
  if (!name.endsWith('.d.ts') || name.startsWith('cjs/')) continue
  if (existsSync(join(root, 'src', name.replace('.d.ts', '.ts')))) {
    writeFileSync(path, forApps(readFileSync(path, 'utf8'), '.js'))
  } else rmSync(path)
}
for (const { path, text } of outputFiles) {
  const target = renamed(path)
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, renamed(text))
}
await writeCommonJs({ root, dist, manifest })

const size = Object.values(metafile.outputs).reduce((sum, output) => sum + output.bytes, 0)
const main = [...started].reduce((sum, name) => sum + metafile.outputs[name].bytes, 0)
console.log(
  `bundled ${entryPoints.length} entries into ${outputFiles.length} files of ${size} bytes; ${main} load with the main one`,
)
