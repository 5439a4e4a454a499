// The modules for `require`, in dist/cjs: each file of the bundle translated on its own, so that the entries share their
// chunks, and with them their classes, as the modules for `import` do. Tools need it that do not let CommonJS load a
// module: Jest, older bundlers, TypeScript with `module: node16` in an app without `"type": "module"`.
//
// Files end in .cjs and declarations in .d.cts, which is how Node and TypeScript know them. The command line is not part
// of it.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'

/** Folders of dist whose declarations no entry for `require` mentions. */
const NOT_SHIPPED = /^(cjs|cli)\//

export async function writeCommonJs({ root, dist, manifest }) {
  const target = join(dist, 'cjs')
  rmSync(target, { recursive: true, force: true })
  const entryPoints = reachableFiles(dist, entriesOf([manifest.exports, manifest.imports]))
  await build({
    entryPoints,
    outdir: target,
    outbase: dist,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20.19',
    // `import()` becomes `require`: in Jest only that reaches a module without a flag of Node.
    supported: { 'dynamic-import': false },
    // createRequire takes a file name as well as a URL.
    define: { 'import.meta.url': '__filename' },
    sourcemap: true,
    sourcesContent: false,
    legalComments: 'inline',
    logLevel: 'warning',
    plugins: [stayOutside(root, dist, manifest)],
  })
  for (const name of readdirSync(dist, { recursive: true })) {
    if (!name.endsWith('.d.ts') || NOT_SHIPPED.test(name)) continue
    const declaration = join(target, name.replace(/\.d\.ts$/, '.d.cts'))
    mkdirSync(dirname(declaration), { recursive: true })
    writeFileSync(declaration, forApps(readFileSync(join(dist, name), 'utf8'), '.cjs'))
  }
}

/**
 * A declaration as apps read it: relative imports, `from '…'` and `import('…')`, end in what Node will load, and typed
 * arrays have no parameter, which TypeScript before 5.7 does not know.
 */
export function forApps(declaration, ending) {
  return declaration
    .replace(/(\b(?:from|import)\s*\(?\s*['"]\.{1,2}\/[^'"]+)\.[jt]s(?=['"])/g, `$1${ending}`)
    .replace(/\bUint8Array<ArrayBuffer(?:Like)?>/g, 'Uint8Array')
}

/** Every `./dist/….js` that a part of package.json names. */
export function entriesOf(value) {
  if (typeof value === 'string') return /^\.\/dist\/(?!cjs\/).*\.js$/.test(value) ? [value.slice('./dist/'.length)] : []
  if (typeof value !== 'object' || value === null) return []
  return [...new Set(Object.values(value).flatMap(entriesOf))]
}

/** The entries and every file of dist that they load, at once or later. */
function reachableFiles(dist, entries) {
  const found = new Set(entries.map((name) => join(dist, name)))
  for (const file of found) {
    for (const [, name] of readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+\.js)"/g)) {
      const next = join(dirname(file), name)
      if (existsSync(next)) found.add(next)
    }
  }
  return [...found]
}

/**
 * Files of the bundle and packages stay what they are: loaded by name. Only a package that is nothing but a module is
 * taken in, because Jest cannot `require` it.
 */
const stayOutside = (root, dist, manifest) => ({
  name: 'stay outside',
  setup({ onResolve }) {
    onResolve({ filter: /.*/ }, ({ path, kind, resolveDir }) => {
      const within = kind === 'entry-point' || !resolveDir.startsWith(dist) || isModuleOnly(root, manifest, path)
      if (within) return undefined
      return { path: path.startsWith('.') ? path.replace(/\.js$/, '.cjs') : path, external: true }
    })
  },
})

function isModuleOnly(root, manifest, path) {
  const name = Object.keys(manifest.dependencies).find((each) => path === each || path.startsWith(`${each}/`))
  if (name === undefined) return false
  const { type, exports } = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8'))
  return type === 'module' && !JSON.stringify(exports ?? {}).includes('"require"')
}
