// The packed package in the hands of tools that the repository itself does not use: older and newer compilers, with
// their own ideas of what the platform's types are, and a test runner that loads CommonJS only.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { packedApp, REPOSITORY } from '../../support/packed-app.ts'
import { cacheFolder, npmPackages, provide, run } from '../lane.ts'
import { node } from '../runtimes/programs.ts'

const place = mkdtempSync(join(cacheFolder('work'), 'tools-'))
afterAll(() => rmSync(place, { recursive: true, force: true }))
const app = await packedApp(place, 'commonjs')
const packages = await provide('the tools', () => npmPackages('tools'))
const oldestNode = await provide('Node 20.19', () => node(20))

/** What README and docs/compatibility.md promise. */
const COMPILERS = ['5.0', '5.2', '5.4', '5.6', '5.9', '7']

/** The platform's types come from one of these: @types/node, or the compiler's own for pages and Workers. */
const PLATFORMS: readonly (readonly [name: string, types: readonly string[], lib: readonly string[]])[] = [
  ['@types/node and lib ES2023', ['node'], ['es2023']],
  ['lib ES2022 and DOM', [], ['es2022', 'dom']],
  ['lib ESNext and WebWorker', [], ['esnext', 'webworker']],
]

const SAMPLE = `
import { isSlateDBError, json, type Row, SlateDB, tuple, utf8 } from 'slatedb-ts'
import { S3Store } from 'slatedb-ts/stores/s3'
import { simulate } from 'slatedb-ts/testing'
import { DbBuilder } from 'slatedb-ts/uniffi'
export async function use(): Promise<string | undefined> {
  const db = await SlateDB.open('memory:', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
  for await (const [key, value] of db.scan({ prefix: 'a' })) return key + value
  return db.get('a')
}
export const rest = { S3Store, simulate, DbBuilder, isSlateDBError, json, tuple, utf8 }
export type Rest = Row
`

if (packages !== undefined) {
  writeFileSync(join(app, 'sample.ts'), SAMPLE)
  const types = join(app, 'node_modules', '@types')
  mkdirSync(types)
  symlinkSync(join(REPOSITORY, 'node_modules', '@types', 'node'), join(types, 'node'))

  for (const version of COMPILERS) {
    test.each(PLATFORMS)(`TypeScript ${version} compiles a strict app with %s`, async (_name, types, lib) => {
      const modules = { module: 'node16', moduleResolution: 'node16', target: 'es2022' }
      const checks = { strict: true, exactOptionalPropertyTypes: true, noEmit: true }
      const config = { compilerOptions: { ...modules, ...checks, types, lib }, files: ['sample.ts'] }
      writeFileSync(join(app, 'tsconfig.json'), JSON.stringify(config))
      const tsc = join(packages, 'node_modules', `typescript-${version}`, 'bin', 'tsc')
      expect(await run(process.execPath, [tsc, '-p', app], { cwd: app })).toBe('')
    })
  }

  test('Jest 30 loads the package without a flag and tests with it', async () => {
    writeFileSync(
      join(app, 'app.test.js'),
      `const { SlateDB } = require('slatedb-ts')
       const { S3Store } = require('slatedb-ts/stores/s3')
       test('a folder', async () => {
         const db = await SlateDB.open('file:./jest-data', { settings: { compressionCodec: 'zstd' }, valueEncoding: 'utf8' })
         await db.put('a', 'b')
         await db.flush('memtable')
         expect(await db.get('a')).toBe('b')
         await db.close()
         expect(S3Store.name).toBe('S3Store')
       })`,
    )
    writeFileSync(join(app, 'jest.config.js'), 'module.exports = { haste: { enableSymlinks: false } }\n')
    const jest = join(packages, 'node_modules', 'jest', 'bin', 'jest.js')
    expect(await run(process.execPath, [jest, '--ci', '--rootDir', app, '--watchman=false'], { cwd: app })).toContain(
      '1 passed',
    )
  })
}

if (oldestNode !== undefined) {
  test(`require works on ${oldestNode.version}`, async () => {
    const code =
      "require('slatedb-ts').SlateDB.open('memory:').then((db) => db.close()).then(() => console.log('closed'))"
    expect(await run(oldestNode.command, ['-e', code], { cwd: app })).toBe('closed')
  })
}
