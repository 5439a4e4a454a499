// The package as it is published, in the hands of the tools that people have: what each of them does with it, and what a
// stack trace through it looks like.

import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build, transform } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PACKAGE, packedApp, placeFor, REPOSITORY, run } from '../support/packed-app.ts'

const place = placeFor('tools')
afterAll(() => rmSync(place, { recursive: true, force: true }))
let app: string
let installed: string
beforeAll(async () => {
  app = await packedApp(place, 'commonjs')
  installed = join(app, 'node_modules', PACKAGE)
}, 300_000)

/** Writes `<app>/<name>` and runs it. */
function runApp(name: string, code: string, ...nodeFlags: string[]): Promise<string> {
  writeFileSync(join(app, name), code)
  return run(process.execPath, [...nodeFlags, name], app)
}

const filesOf = (ending: RegExp): string[] =>
  readdirSync(join(installed, 'dist'), { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name))
    .map((name) => join(installed, 'dist', name))

/** Opens, writes and reads, with every part of the package that loads on demand on a folder: host, settings, codec. */
const USE = `
async function main() {
  const db = await SlateDB.open('file:./data', { settings: { compressionCodec: 'zstd' }, valueEncoding: 'utf8' })
  await db.put('a', 'it works')
  await db.flush('memtable')
  console.log(await db.get('a'))
  await db.close()
}
main()
`

describe('CommonJS', () => {
  test('require gives the same names as import, without a warning', async () => {
    const code = `
      const required = require('slatedb-ts')
      import('slatedb-ts').then((imported) => {
        const missing = Object.keys(imported).filter((name) => !(name in required))
        console.log(JSON.stringify({ names: Object.keys(required).length > 20, missing }))
      })`
    expect(JSON.parse(await runApp('names.js', code))).toEqual({ names: true, missing: [] })
  })

  test('an app that requires the package opens a folder, writes with zstd and reads', async () => {
    expect(await runApp('required.js', `const { SlateDB } = require('slatedb-ts')\n${USE}`)).toBe('it works\n')
  })

  test('every entry can be required, and the entries share their classes', async () => {
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
      exports: Record<string, unknown>
    }
    const names = Object.keys(manifest.exports).map((name) => PACKAGE + name.slice(1))
    const code = `
      for (const name of ${JSON.stringify(names)}) require(name)
      const { MemoryStore, SlateDBError } = require('slatedb-ts')
      const { S3Store } = require('slatedb-ts/stores/s3')
      let error
      try { new S3Store({ bucket: '' }) } catch (caught) { error = caught }
      console.log(require('slatedb-ts/stores/memory').MemoryStore === MemoryStore, error instanceof SlateDBError)`
    expect(await runApp('entries.js', code)).toBe('true true\n')
  })

  test.each([
    ['import', `import { SlateDB } from 'slatedb-ts'\n${USE}`],
    ['require', `const { SlateDB } = require('slatedb-ts')\n${USE}`],
  ])('esbuild --format=cjs makes one file of an app that uses %s, and it runs', async (kind, contents) => {
    const outfile = join(app, `bundled-${kind}.js`)
    const { warnings } = await build({
      stdin: { contents, resolveDir: app },
      outfile,
      bundle: true,
      format: 'cjs',
      platform: 'node',
      logLevel: 'silent',
    })
    expect(warnings.map((warning) => warning.text)).toEqual([])
    expect(await run(process.execPath, [outfile], app)).toBe('it works\n')
  })

  test('no file waits at its top, so each can become CommonJS', async () => {
    for (const file of filesOf(/\.js$/))
      await transform(readFileSync(file, 'utf8'), { format: 'cjs', logLevel: 'silent' })
  })
})

describe('TypeScript', () => {
  const SAMPLE = `
    import { type Row, SlateDB, isSlateDBError } from 'slatedb-ts'
    import { S3Store } from 'slatedb-ts/stores/s3'
    import { simulate } from 'slatedb-ts/testing'
    import { DbBuilder } from 'slatedb-ts/uniffi'
    export async function use(): Promise<string | undefined> {
      const db = await SlateDB.open('memory:', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
      for await (const [key, value] of db.scan({ prefix: 'a' })) return key + value
      return db.get('a')
    }
    export const rest = { S3Store, simulate, DbBuilder, isSlateDBError }
    export type Rest = Row
  `

  test.each([
    ['node16', 'node16', 'es2022', ['--types', 'node']],
    ['esnext', 'bundler', 'es2023,dom', ['--typeRoots', 'none']],
  ])(
    'a CommonJS app compiles strictly with module %s, resolution %s, lib %s',
    async (module, resolution, lib, more) => {
      writeFileSync(join(app, 'typed.ts'), SAMPLE)
      const tsc = join(REPOSITORY, 'node_modules', 'typescript', 'bin', 'tsc')
      const flags = ['--noEmit', '--strict', '--target', 'es2022', '--ignoreConfig', '--lib', lib, ...more]
      const args = [tsc, ...flags, '--module', module, '--moduleResolution', resolution, 'typed.ts']
      expect(await run(process.execPath, args, app)).toBe('')
    },
  )
})

test('an app that bundles and minifies the package ships less than 85 KB of it, gzipped, to a page', async () => {
  const { outputFiles } = await build({
    stdin: { contents: `export * from 'slatedb-ts'`, resolveDir: app },
    outdir: join(app, 'page'),
    bundle: true,
    minify: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    logLevel: 'silent',
  })
  // What loads on demand is in other files, all smaller than the engine.
  const sizes = outputFiles.map(({ contents }) => gzipSync(contents).length).sort((a, b) => b - a)
  expect(sizes[0]).toBeGreaterThan(30_000)
  expect(sizes[0]).toBeLessThan(85_000)
})

test('the links of the README lead to files that the package carries', () => {
  const links = [...readFileSync(join(installed, 'README.md'), 'utf8').matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(
    ([, link]) => link!,
  )
  expect(links.length).toBeGreaterThan(8)
  expect(links.filter((link) => !/^https:/.test(link) && !existsSync(join(installed, link)))).toEqual([])
})

describe('reading a failure', () => {
  const FAILING = `
    const { SlateDB } = require('slatedb-ts')
    SlateDB.open('memory:').then((db) => db.put('', 'x')).catch((error) => console.log(error))`

  test('an error prints files, lines and only the fields that have a value', async () => {
    const printed = await runApp('failing.js', FAILING)
    expect(printed.length).toBeLessThan(3000)
    expect(printed).toMatch(/at .*SlateDB\.put \(.*engine\.cjs:\d+:\d{1,3}\)/)
    expect(printed).toContain("code: 'SLATEDB_EMPTY_KEY'")
    expect(printed).not.toContain('undefined')
  })

  test('with source maps it names the shipped sources', async () => {
    const printed = await runApp('failing.js', FAILING, '--enable-source-maps')
    const [, file, line] = /\((?:file:\/\/)?([^()]*\/src\/[^():]*\.ts):(\d+)/.exec(printed) ?? []
    expect(file, printed).toContain(join(PACKAGE, 'src'))
    expect(readFileSync(file!, 'utf8').split('\n')[Number(line) - 1]).toMatch(/EMPTY_KEY|new SlateDBError|invalid\(/)
  })

  test('every source map names files that are shipped', () => {
    const maps = filesOf(/\.map$/)
    expect(maps.length).toBeGreaterThan(40)
    const missing = maps.flatMap((map) => {
      const { sources } = JSON.parse(readFileSync(map, 'utf8')) as { sources: string[] }
      return sources.filter(
        (path) => !path.includes('/node_modules/@noble/') && !existsSync(resolve(dirname(map), path)),
      )
    })
    expect(missing).toEqual([])
  })

  test('no line is longer than a screen can show', () => {
    const lengths = filesOf(/\.c?js$/).flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .map((line) => line.length),
    )
    expect(Math.max(...lengths)).toBeLessThan(2000)
  })
})

describe('the command line as a process', () => {
  const main = () => join(installed, 'dist', 'cli', 'main.js')
  const shell = (line: string) =>
    run('bash', ['-c', `set -o pipefail; ${line.replaceAll('slatedb-ts', `${process.execPath} ${main()}`)}`], app)

  test('a closed stderr or stdout changes nothing about the work', async () => {
    writeFileSync(join(app, 'rows.jsonl'), '{"key":"a","value":"1"}\n{"key":"b","value":"2"}\n')
    await shell('slatedb-ts --db ./pipes import rows.jsonl 2>&1 >/dev/null | true')
    await shell('slatedb-ts --db ./pipes put c 3 2>&1 >/dev/null | true')
    await shell('slatedb-ts --db ./pipes delete c --json 2>/dev/null | true')
    expect(await shell('slatedb-ts --db ./pipes scan')).toBe('a\t1\nb\t2\n')
    expect(await shell('slatedb-ts --db ./pipes scan | head -1')).toBe('a\t1\n')
  })

  test('an environment file that is missing is answered by the command, not by Node', async () => {
    await expect(shell('slatedb-ts --env nosuch --db ./pipes get a')).rejects.toThrow(/environment file "nosuch"/)
  })

  test.each<[string, Record<string, unknown>]>([
    ['while it waits for its input', {}],
    ['while L0 is full', { l0_max_ssts: 1, l0_sst_size_bytes: 4096, max_unflushed_bytes: 8192 }],
  ])('an interrupted import says how to go on: %s', async (name, settings) => {
    const db = join(app, name.replaceAll(' ', '-'))
    writeFileSync(join(app, 'settings.json'), JSON.stringify(settings))
    const args = ['--db', db, '--settings', 'settings.json', 'import', '-', '--format', 'jsonl', '--batch', '20']
    const child = spawn(process.execPath, [main(), ...args], { cwd: app, stdio: ['pipe', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.on('data', (chunk) => (said += chunk))
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    const line = (i: number) => JSON.stringify({ key: `k${i}`, text: 'x'.repeat(100) })
    child.stdin.on('error', () => {})
    child.stdin.write(`${Array.from({ length: 400 }, (_, i) => line(i)).join('\n')}\n`)
    const count = async () =>
      Number(/^\d+/.exec(await run(process.execPath, [main(), '--db', db, 'scan', '--count'], app).catch(() => '0')))
    while ((await count()) < 20) await new Promise((resolve) => setTimeout(resolve, 50))
    child.kill('SIGINT')
    expect(await ended, said).toBe(130)
    const durable = Number(/continue with: --skip (\d+)/.exec(said)?.[1])
    expect(durable, said).toBeGreaterThanOrEqual(20)
    expect(await count()).toBe(durable)
  })
})
