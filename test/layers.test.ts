// Holds the house of docs/architecture.md: which room may import which, where Node and the ambient world may be
// spoken of, and how long a file may grow. It reads the sources as text, so it needs nothing to compile.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const SRC = fileURLToPath(new URL('../src', import.meta.url))

/** The floors, lowest first. A room imports only rooms on lower floors: never its own floor, never up. */
const FLOORS: readonly (readonly string[])[] = [
  ['errors'],
  ['bytes', 'checks', 'shown'],
  ['cursor', 'compress', 'env'],
  ['filter', 'format', 'objects'],
  ['table', 'manifest', 'memtable'],
  ['read', 'wal', 'compact'],
  ['write', 'gc'],
  ['db', 'admin'],
  ['api', 'uniffi'],
  ['index', 'level', 'inspector'],
  ['cli'],
]

/** Adapters to the outside: they know the ports of the first floors and nothing of the engine. */
const WINGS = ['stores', 'node', 'sim']
const WING_SEES = FLOORS.slice(0, 4).flat()

/** Where the layering says which wing is built in: the doors that users open databases through. */
const SEES_WINGS = ['api', 'uniffi', 'index', 'level', 'inspector', 'cli']

interface Source {
  readonly path: string
  readonly room: string
  readonly text: string
  /** Comments blanked out, strings kept: prose may name what code may not use. */
  readonly code: string
}

/** Declarations of other people's packages follow their own rules. */
const sources: readonly Source[] = walk(SRC)
  .filter((file) => !file.endsWith('.d.ts'))
  .map((file) => {
    const path = relative(SRC, file)
    const room = path.includes('/') ? path.slice(0, path.indexOf('/')) : path.replace(/\.ts$/, '')
    const text = readFileSync(file, 'utf8')
    return { path, room, text, code: withoutComments(text) }
  })
const shipped = sources.filter((source) => !source.path.endsWith('.test.ts'))

describe('layers', () => {
  test('there is something to check', () => {
    expect(shipped.length).toBeGreaterThan(20)
    expect(shipped.flatMap(imports).length).toBeGreaterThan(40)
  })

  test('every room has a floor', () => {
    const known = new Set([...FLOORS.flat(), ...WINGS])
    expect(shipped.filter((source) => !known.has(source.room)).map((source) => source.path)).toEqual([])
  })

  test('a room imports only rooms on lower floors', () => {
    expect(shipped.flatMap((source) => imports(source).flatMap((to) => layerFault(source, to)))).toEqual([])
  })

  test('relative imports name the file that defines the thing, with its ending', () => {
    const wrong = sources.flatMap((source) =>
      imports(source)
        .filter((to) => to.startsWith('.') && !to.endsWith('.ts'))
        .map((to) => `${source.path} imports ${to}`),
    )
    expect(wrong).toEqual([])
  })

  test('no file imports itself through others', () => {
    expect(circles()).toEqual([])
  })

  test('node: is spoken only in node/ and cli/', () => {
    const wrong = shipped
      .filter((source) => source.room !== 'node' && source.room !== 'cli')
      .filter(
        (source) =>
          imports(source).some((to) => to.startsWith('node:')) ||
          /(?<![.\w#])process\.(env|argv|cwd|exit|on|once|stdin|stdout|stderr|nextTick|hrtime|memoryUsage)\b/.test(
            source.code,
          ),
      )
    expect(wrong.map((source) => source.path)).toEqual([])
  })

  test('time, randomness, timers and the console come from env/', () => {
    const wrong = shipped
      .filter((source) => source.room !== 'env')
      .flatMap((source) => ambientUses(source).map((what) => `${source.path} uses ${what}`))
    expect(wrong).toEqual([])
  })

  test('the packages of the command line never load with the library', () => {
    const own = ['commander', 'cli-progress', 'picocolors', 'csv-parse', 'smol-toml', 'yaml']
    const wrong = shipped
      .filter((source) => source.room !== 'cli')
      .flatMap((source) => staticImports(source).map((to) => ({ source, to })))
      .filter(({ to }) => own.some((name) => to === name || to.startsWith(`${name}/`)))
    expect(wrong.map(({ source, to }) => `${source.path} imports ${to}`)).toEqual([])
  })

  test('a file holds one idea: 500 lines at most, unless its head says why not', () => {
    const long = sources
      .filter((source) => source.text.split('\n').length > 500)
      .filter((source) => !/^(\/\/.*\n)*\/\/.*\b(long|length) because\b/i.test(source.text))
    expect(long.map((source) => `${source.path}: say in the head comment that it is "long because ..."`)).toEqual([])
  })

  test('no default exports, no enums, no namespaces', () => {
    const wrong = sources.filter((source) =>
      /^\s*(export default\b|(export )?(const )?enum \w|(export )?namespace \w)/m.test(source.code),
    )
    expect(wrong.map((source) => source.path)).toEqual([])
  })
})

describe('the checks themselves', () => {
  const source = (room: string, code: string): Source => ({ path: `${room}/x.ts`, room, text: code, code })

  test.each([
    ['bytes', '../env/env.ts', 'up'],
    ['format', '../objects/store.ts', 'own floor'],
    ['node', '../table/tables.ts', 'wing'],
    ['db', '../node/folder-store.ts', 'wing'],
    ['write', '../db/db.ts', 'up'],
  ])('%s importing %s is refused (%s)', (room, to) => {
    expect(layerFault(source(room, ''), to)).toHaveLength(1)
  })

  test.each([
    ['format', '../bytes/writer.ts'],
    ['format', './flat.ts'],
    ['cli', '../node/env-file.ts'],
    ['stores', '../objects/store.ts'],
    ['env', '../errors.ts'],
  ])('%s importing %s is allowed', (room, to) => {
    expect(layerFault(source(room, ''), to)).toEqual([])
  })

  test('imports are seen in every form, and comments are not code', () => {
    const code = [
      "import type { A } from './a.ts'",
      "import {\n  b,\n} from './b.ts'",
      "export { c } from './c.ts'",
      "const d = await import('./d.ts')",
      "import './e.ts'",
    ].join('\n')
    expect(imports(source('x', code))).toEqual(['./a.ts', './b.ts', './c.ts', './d.ts', './e.ts'])
    expect(withoutComments("a // Date.now()\n/* x */ b 'http://c'")).toBe("a \n  b 'http://c'")
  })

  test.each(['Date.now()', 'new Date()', 'Math.random()', 'setTimeout(f, 1)', 'console.log(1)', 'performance.now()'])(
    'ambient %s is seen',
    (code) => expect(ambientUses(source('read', code))).toHaveLength(1),
  )

  test.each(['clock.now()', 'new Date(ms)', 'this.setTimeout(1)', 'Date.parse(text)'])('%s is fine', (code) =>
    expect(ambientUses(source('read', code))).toEqual([]),
  )
})

/** Lines that say what is wrong with `source` importing `to`; none when it may. */
function layerFault(source: Source, to: string): string[] {
  if (!to.startsWith('.')) return []
  const target = relative(SRC, join(SRC, dirname(source.path), to))
  const room = target.includes('/') ? target.slice(0, target.indexOf('/')) : target.replace(/\.ts$/, '')
  if (room === source.room) return []
  const fault = `${source.path} (${source.room}) imports ${target} (${room})`
  if (WINGS.includes(source.room)) return WING_SEES.includes(room) ? [] : [`${fault}: wings see floors 1-3 only`]
  if (WINGS.includes(room)) return SEES_WINGS.includes(source.room) ? [] : [`${fault}: the engine knows no wing`]
  const from = floorOf(source.room)
  const down = floorOf(room)
  return down < from ? [] : [`${fault}: ${down === from ? 'own floor' : 'upward'}`]
}

function floorOf(room: string): number {
  return FLOORS.findIndex((floor) => floor.includes(room))
}

/** What must come through `env`: the calls that read or change the ambient world. */
function ambientUses(source: Source): string[] {
  const banned: readonly (readonly [string, RegExp])[] = [
    ['Date.now', /\bDate\.now\b/],
    ['new Date()', /\bnew Date\(\s*\)/],
    ['performance.now', /\bperformance\.now\b/],
    ['Math.random', /\bMath\.random\b/],
    ['timers', /(?<![.\w#])(setTimeout|setInterval|setImmediate)\s*\(/],
    ['crypto.getRandomValues', /\bgetRandomValues\b|\brandomUUID\b|\brandomBytes\b/],
    ['console', /(?<![.\w])console\.\w/],
  ]
  return banned.filter(([, pattern]) => pattern.test(source.code)).map(([name]) => name)
}

function imports(source: Source): string[] {
  const found: { at: number; to: string }[] = []
  for (const pattern of [
    /(?:^|[\n;])\s*(?:import|export)\s[^'"`;()]*?from\s*['"]([^'"]+)['"]/g,
    /(?:^|[\n;])\s*import\s*['"]([^'"]+)['"]/g,
    /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g,
  ]) {
    for (const match of source.code.matchAll(pattern)) found.push({ at: match.index, to: match[1]! })
  }
  return found.sort((a, b) => a.at - b.at).map((item) => item.to)
}

function staticImports(source: Source): string[] {
  const dynamic = new Set([...source.code.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g)].map((match) => match[1]!))
  return imports(source).filter((to) => !dynamic.has(to))
}

/** Import circles at load time: type-only imports vanish, and what a function imports is loaded after everything. */
function circles(): string[] {
  const edges = new Map<string, string[]>()
  for (const source of shipped) {
    const values = {
      ...source,
      code: source.code.replace(/(^|\n)\s*(import|export) type\s[^;]*?from\s*['"][^'"]+['"]/g, '\n'),
    }
    edges.set(
      source.path,
      staticImports(values)
        .filter((to) => to.startsWith('.'))
        .map((to) => relative(SRC, join(SRC, dirname(source.path), to))),
    )
  }
  const state = new Map<string, 'open' | 'done'>()
  const out: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === 'done') return
    if (state.get(path) === 'open') {
      out.push([...trail.slice(trail.indexOf(path)), path].join(' -> '))
      return
    }
    state.set(path, 'open')
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path])
    state.set(path, 'done')
  }
  for (const path of edges.keys()) visit(path, [])
  return out
}

/** Blanks comments; a quote, template or regular expression that contains a comment opener stays as it is. */
function withoutComments(text: string): string {
  return text.replace(
    /('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (whole, quoted?: string) => quoted ?? (whole.startsWith('/*') ? ' '.repeat(whole.includes('\n') ? 0 : 1) : ''),
  )
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return walk(path)
    return entry.name.endsWith('.ts') ? [path] : []
  })
}
