// The suite of the runtimes in an app that has the package installed as a user gets it.

import { readFileSync, writeFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { PACKAGE, packedApp } from '../../support/packed-app.ts'
import { REPOSITORY } from '../lane.ts'

/** What the package's conditions say, seen from inside the package; the suite asks for `#native` and `#host`. */
const PROBE = `./node_modules/${PACKAGE}/probe.js`

/** Makes `<place>/app` with the package and the suite in it, and gives its name. */
export async function suiteApp(place: string): Promise<string> {
  const app = await packedApp(place, 'module')
  writeFileSync(
    join(app, 'node_modules', PACKAGE, 'probe.js'),
    `export { native } from '#native'\nexport { host } from '#host'\n`,
  )
  for (const entry of ['process', 'holder', 'page', 'worker']) await bundleSuite(app, entry)
  return app
}

/** Joins the suite's own files into one; the package stays outside and is imported by its name. */
async function bundleSuite(app: string, entry: string): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(new URL(`./suite/${entry}.ts`, import.meta.url))],
    outfile: join(app, `${entry}.js`),
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    plugins: [byPackageName()],
    logLevel: 'error',
  })
}

/** `src/stores/http.ts` becomes `slatedb-ts/stores/http`; what the package does not export cannot be imported. */
function byPackageName(): Plugin {
  const manifest = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
    exports: Record<string, string | { default: string }>
  }
  const names = new Map<string, string>()
  for (const [name, target] of Object.entries(manifest.exports)) {
    if (typeof target === 'string') continue
    names.set(target.default.replace('./dist/', 'src/').replace(/\.js$/, '.ts'), PACKAGE + name.slice(1))
  }
  return {
    name: 'by package name',
    setup({ onResolve }) {
      onResolve({ filter: /^#(native|host)$/ }, () => ({ path: PROBE, external: true }))
      onResolve({ filter: /\/src\// }, ({ path, resolveDir }) => {
        const source = relative(REPOSITORY, join(resolveDir, path)).split(sep).join('/')
        const name = names.get(source)
        if (name === undefined) return { errors: [{ text: `${PACKAGE} does not export ${source}` }] }
        return { path: name, external: true }
      })
    },
  }
}

/** What a bundler makes of the app's `<entry>.js` for a platform that has only web standards. */
export async function webBundle(app: string, entry: string, conditions: readonly string[]): Promise<string> {
  const folder = join(app, `${entry}-bundle`)
  await build({
    entryPoints: [join(app, `${entry}.js`)],
    outdir: folder,
    bundle: true,
    splitting: !conditions.includes('workerd'),
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    conditions: [...conditions],
    logLevel: 'error',
  })
  return folder
}
