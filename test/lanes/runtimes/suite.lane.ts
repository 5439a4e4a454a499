// The built package in every runtime that can be had here: one suite, and the same traces as on this Node.

import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PACKAGE } from '../../support/packed-app.ts'
import { cacheFolder, log, provide } from '../lane.ts'
import { suiteApp } from './package.ts'
import { bun, chromium, deno, node, type Program, thisNode } from './programs.ts'
import {
  type Outcome,
  pageRuntime,
  processRuntime,
  type Runtime,
  runScript,
  startScript,
  workerRuntime,
} from './runtimes.ts'
import { serveFixtures } from './servers.ts'
import { folderChecks } from './suite/folder.ts'
import { TRACES } from './suite/simulation.ts'
import { suite } from './suite/suite.ts'
import type { World } from './suite/world.ts'

const place = mkdtempSync(join(cacheFolder('work'), 'app-'))
afterAll(() => rmSync(place, { recursive: true, force: true }))
const app = await suiteApp(place)
const server = await serveFixtures()
afterAll(() => server.stop())

const processes: readonly (readonly [string, () => Promise<Program>])[] = [
  ['the Node of this lane', thisNode],
  ['Node 20', () => node(20)],
  ['Node 22', () => node(22)],
  ['Node 24', () => node(24)],
  ['Node 26', () => node(26)],
  ['Bun', bun],
  ['Deno', deno],
]

const runtimes: Runtime[] = []
for (const [name, find] of processes) {
  const runtime = await provide(name, async () => processRuntime(name, await find()))
  if (runtime !== undefined) runtimes.push(runtime)
}
const page = await provide('Chromium', async () => pageRuntime(await chromium()))
const worker = await provide('workerd', workerRuntime)
for (const runtime of [page, worker]) if (runtime !== undefined) runtimes.push(runtime)

/** What the first runtime noted, this Node. */
let reference: Outcome | undefined

for (const runtime of runtimes) {
  describe(runtime.name, () => {
    let outcome: Outcome
    beforeAll(async () => {
      const start = Date.now()
      outcome = await runtime.run(app, server.url)
      reference ??= outcome
      const { native, 'await using': using } = outcome.notes
      log(
        `${runtime.name}: ended ${outcome.ended} after ${Date.now() - start} ms; native ${native}; await using ${using}`,
      )
    })

    for (const name of namesOf(runtime)) {
      test(name, () => {
        if (!outcome.checks.has(name)) throw new Error(`no report; it ended ${outcome.ended}: ${tail(outcome)}`)
        const error = outcome.checks.get(name)
        if (error !== undefined) throw new Error(error)
      })
    }
    test('no promise was rejected and forgotten', () => expect(outcome.rejections).toEqual([]))
    test('it ends by itself', () => expect(outcome.ended, tail(outcome)).toBe('by itself'))
    test.each(TRACES)('%s: as on this Node', (trace) => {
      expect(outcome.notes[trace]).toMatch(/^[0-9a-f]{16}, /)
      expect(outcome.notes[trace]).toBe(reference!.notes[trace])
    })
    if (runtime.program !== undefined) programTests(runtime.program)
  })
}

const tail = (outcome: Outcome): string => outcome.output.slice(-800)

function namesOf({ kind }: Runtime): string[] {
  const nowhere: World = { kind, server: '', folder: undefined, note: () => {} }
  return [...suite(nowhere).keys(), ...(kind === 'process' ? folderChecks(nowhere).keys() : [])]
}

/** What only processes have: the command line, and other processes. */
function programTests(program: Program): void {
  const folder = mkdtempSync(join(place, 'data-'))
  const main = join(app, 'node_modules', PACKAGE, 'dist', 'cli', 'main.js')
  const cli = (...args: string[]) => runScript(program, place, [main, ...args])

  test('the command line: help, put, get, scan', async () => {
    expect(await cli('--help')).toContain('put')
    const db = join(folder, 'cli')
    await cli('--db', db, 'put', 'hello', 'world')
    expect(await cli('--db', db, 'get', 'hello')).toBe('world')
    expect(await cli('--db', db, 'scan')).toContain('hello')
  })

  test('a second process fences the first, which ends by itself', async () => {
    const db = join(folder, 'held')
    const holder = startScript(program, app, [join(app, 'holder.js'), db])
    try {
      expect(await holder.line()).toBe('open')
      await cli('--db', db, 'put', 'taken', 'over', '--take-over')
      expect(await holder.line()).toBe('Closed Fenced')
      expect(await holder.ended).toBe('by itself')
      expect(await cli('--db', db, 'get', 'held')).toBe('by the first')
    } finally {
      holder.kill()
    }
  })
}
