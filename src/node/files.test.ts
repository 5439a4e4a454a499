// The node room's small readers: environment files, settings files, locations.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { loadEnvironment } from './env-file.ts'
import { folderOf } from './open-file.ts'
import { readDefaultSettingsFiles, readSettingsFile } from './settings-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'slatedb-files-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

describe('environment files', () => {
  test('the process is stronger than the file', () => {
    const env = loadEnvironment({
      file: file('a.env', 'A=1\nB="two words" # note\nC=3\n'),
      base: { C: 'process', D: 'd' },
    })
    expect(env).toEqual({ A: '1', B: 'two words', C: 'process', D: 'd' })
  })

  test('a file that was asked for must be there, and its content is never quoted', () => {
    expect(() => loadEnvironment({ file: join(folder, 'none.env'), base: {} })).toThrow(/cannot be read \(ENOENT\)/)
  })
})

describe('settings files', () => {
  const same = { flush_interval: '250ms', compactor_options: { poll_interval: '1s' } }
  test.each([
    ['a.json', JSON.stringify(same)],
    ['a.toml', 'flush_interval = "250ms"\n[compactor_options]\npoll_interval = "1s"\n'],
    ['a.yaml', 'flush_interval: 250ms\ncompactor_options:\n  poll_interval: 1s\n'],
    ['a.YML', 'flush_interval: 250ms\ncompactor_options: { poll_interval: 1s }\n'],
  ])('%s', (name, text) => {
    const path = file(name, text)
    expect(readSettingsFile(path)).toEqual({ source: path, values: same })
  })

  test.each([
    ['empty.yaml', '', {}],
    ['empty.toml', '', {}],
    ['null.json', 'null', {}],
  ])('%s changes nothing', (name, text, values) => {
    expect(readSettingsFile(file(name, text)).values).toEqual(values)
  })

  test.each([
    ['bad.json', '{', /bad\.json/],
    ['bad.toml', 'x = ', /bad\.toml/],
    ['list.yaml', '- 1', /expected a table of settings/],
    ['odd.ini', '', /unknown configuration file format/],
  ])('%s is refused by name', (name, text, message) => {
    expect(() => readSettingsFile(file(name, text))).toThrow(message)
  })

  test('the default files come weakest first', () => {
    const here = mkdtempSync(join(folder, 'default-'))
    writeFileSync(join(here, 'SlateDb.yaml'), 'a: 1')
    writeFileSync(join(here, 'SlateDb.toml'), 'a = 2')
    expect(readDefaultSettingsFiles(here).map(({ values }) => values)).toEqual([{ a: 2 }, { a: 1 }])
  })
})

describe('file locations', () => {
  test.each([
    ['./data/app', resolve('data/app')],
    ['file:./data/app', resolve('data/app')],
    ['file:data/my%20app', resolve('data/my app')],
    ['file:///srv/my%20app', '/srv/my app'],
    ['file:/srv/app', '/srv/app'],
  ])('%s', (location, expected) => expect(folderOf(location)).toBe(expected))

  test.each(['file:', 'file:./a?b', 'file:./a#b', 'file://host/share', 'file:%zz', 'a\0b', 'file:%00'])(
    '%j is refused',
    (location) => expect(() => folderOf(location)).toThrow(expect.objectContaining({ kind: 'Invalid' })),
  )
})
