import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
// The command line from outside: arguments in, streams and exit codes out, on real folders.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { SlateDB } from '../api/slatedb.ts'
import { openFileStore } from '../node/open-file.ts'
import { runCommandLine } from './program.ts'

const root = mkdtempSync(join(tmpdir(), 'slatedb-cli-'))
afterAll(() => rmSync(root, { recursive: true }))

let folder: string
let db: string
beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'))
  db = join(folder, 'app')
})

interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function run(
  args: readonly string[],
  options: { stdin?: string; env?: Record<string, string> } = {},
): Promise<Outcome> {
  const out = sink()
  const err = sink()
  const code = await runCommandLine(args, {
    stdin: Readable.from([Buffer.from(options.stdin ?? '')]),
    stdout: out.stream,
    stderr: err.stream,
    env: { HOME: folder, ...options.env },
  })
  return { code, out: out.text(), err: err.text() }
}

const onDb = (...args: string[]) => run(['--db', db, ...args])

function sink(): { stream: Writable; text: () => string } {
  const chunks: Buffer[] = []
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(Buffer.from(chunk))
      done()
    },
  })
  return { stream, text: () => Buffer.concat(chunks).toString() }
}

describe('one key', () => {
  test('put, get, delete', async () => {
    expect(await onDb('put', 'hello', 'world')).toMatchObject({ code: 0, out: '' })
    expect(await onDb('get', 'hello')).toMatchObject({ code: 0, out: 'world\n' })
    expect(await onDb('delete', 'hello', 'other')).toMatchObject({ code: 0 })
    expect(await onDb('get', 'hello')).toMatchObject({ code: 3, out: '', err: 'no such key: hello\n' })
  })

  test('binary keys and values, from a file and from standard input', async () => {
    const file = join(folder, 'value.bin')
    writeFileSync(file, Uint8Array.of(0, 1, 255))
    expect((await onDb('put', '0x00ff', '--file', file)).code).toBe(0)
    expect((await onDb('get', '0x00ff')).out).toBe('<binary 3 bytes>\n')
    expect((await onDb('get', '0x00ff', '--value', 'hex')).out).toBe('0x0001ff\n')
    expect((await onDb('put', 'k', '-', '--quiet')).code).toBe(0)
    await run(['--db', db, 'put', 'k', '-'], { stdin: 'from a pipe' })
    expect((await onDb('get', 'k', '--raw')).out).toBe('from a pipe')
  })

  test('JSON for programs', async () => {
    const written = JSON.parse((await onDb('put', 'a', '1', '--json')).out)
    expect(written).toMatchObject({ seq: 1 })
    const read = JSON.parse((await onDb('get', 'a', '--json')).out)
    expect(read).toEqual({ key: 'a', value: '1', seq: 1, createTs: written.createTs })
    expect((await onDb('get', 'none', '--json')).out).toBe('null\n')
  })

  test('a time to live hides the value afterwards', async () => {
    await onDb('put', 'a', '1', '--ttl', '1ms')
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect((await onDb('get', 'a')).code).toBe(3)
  })
})

describe('import, scan and export', () => {
  const CSV = 'id,country,name\n1,FR,Paris\n2,DE,"Berlin, Mitte"\n3,FR,Lyon\n'

  test('CSV with chosen key columns', async () => {
    const file = join(folder, 'cities.csv')
    writeFileSync(file, CSV)
    const imported = await onDb('import', file, '--key', 'country', 'id', '--separator', '/', '--json')
    expect(JSON.parse(imported.out)).toMatchObject({ records: 3, interrupted: false })
    expect((await onDb('scan')).out).toBe(
      'DE/2\t{"name":"Berlin, Mitte"}\nFR/1\t{"name":"Paris"}\nFR/3\t{"name":"Lyon"}\n',
    )
    expect((await onDb('scan', '--prefix', 'FR/', '--value', 'none')).out).toBe('FR/1\nFR/3\n')
    expect((await onDb('scan', '--from', 'DE/3', '--to', 'FR/3', '--value', 'len')).out).toBe('FR/1\t16\n')
    expect((await onDb('scan', '--reverse', '-n', '1', '--value', 'none')).out).toBe('FR/3\n')
    expect((await onDb('scan', '--count')).out).toBe('3 entries, 67 bytes\n')
    expect(JSON.parse((await onDb('scan', '--count', '--json')).out)).toEqual({ entries: 3, bytes: 67 })
  })

  test('JSON lines from standard input, resumed after some records', async () => {
    const lines = Array.from({ length: 2500 }, (_, i) =>
      JSON.stringify({ key: `k${String(i).padStart(5, '0')}`, n: i }),
    )
    const done = await run(['--db', db, 'import', '-', '--format', 'jsonl', '--skip', '500'], {
      stdin: lines.join('\n'),
    })
    expect(done).toMatchObject({ code: 0 })
    expect((await onDb('scan', '--count')).out).toMatch(/^2000 entries/)
    expect((await onDb('get', 'k00500')).out).toBe('{"n":500}\n')
  })

  test.each(['csv', 'jsonl'])('what %s exports, import reads back exactly', async (format) => {
    const rows: [Uint8Array, Uint8Array][] = [
      [Uint8Array.of(0, 255), Uint8Array.of(1, 2, 3)],
      [Buffer.from('0x41'), Buffer.from('')],
      [Buffer.from('a,"b"\nc'), Buffer.from(' spaces ')],
      [Buffer.from('ключ'), Buffer.from('{"json": true}')],
    ]
    const { store, path } = await openFileStore(db)
    const writer = await SlateDB.open({ store, path })
    for (const [key, value] of rows) await writer.put(key, value)
    await writer.close()

    const file = join(folder, `rows.${format}`)
    expect(await onDb('export', file)).toMatchObject({ code: 0 })
    expect(await onDb('export', '--format', format)).toMatchObject({ out: readFileSync(file, 'utf8') })
    const copy = join(folder, 'copy')
    expect(await run(['--db', copy, 'import', file])).toMatchObject({ code: 0 })
    const reader = await SlateDB.openReader(await openFileStore(copy))
    const sorted = [...rows].sort((a, b) => Buffer.compare(a[0], b[0]))
    const read = await reader.scan().toArray()
    await reader.close()
    expect(read.map(([key, value]) => [Buffer.from(key), Buffer.from(value)])).toEqual(
      sorted.map(([key, value]) => [Buffer.from(key), Buffer.from(value)]),
    )
  })

  test.each([
    ['no such column', 'id,x\n1,2\n', ['--key', 'nope'], /record 1 has no column "nope"/],
    ['no key chosen', 'id,x\n1,2\n', [], /which columns make the key/],
    ['an empty key', 'id,x\n,2\n', ['--key', 'id'], /record 1: the key is empty/],
    ['a row too short', 'id,x\n1\n', ['--key', 'id'], /bad\.csv/],
  ])('%s is said in two lines', async (_name, text, args, message) => {
    const file = join(folder, 'bad.csv')
    writeFileSync(file, text)
    const { code, err } = await onDb('import', file, ...args)
    expect(code).toBe(2)
    expect(err).toMatch(message)
    expect(err.trim().split('\n').length).toBeLessThanOrEqual(2)
  })

  test('a line that is no JSON names its number', async () => {
    const { code, err } = await run(['--db', db, 'import', '-', '--format', 'jsonl'], { stdin: '{"key":"a"}\noops\n' })
    expect(code).toBe(2)
    expect(err).toContain('standard input, line 2')
  })
})

describe('looking at a database', () => {
  test('describe shows tree, log and costs, and writes nothing', async () => {
    const file = join(folder, 'rows.jsonl')
    writeFileSync(file, '{"key":"a","x":1}\n{"key":"b","x":2}\n')
    await onDb('import', file)
    const before = readdirSync(join(db, 'manifest'))
    const described = JSON.parse((await onDb('describe', '--json')).out)
    expect(described).toMatchObject({ path: 'app', writerEpoch: 1, lastL0Seq: 1, wal: { toReplay: 0 } })
    expect(described.trees[0].l0).toHaveLength(1)
    expect(described.trees[0].l0[0]).toMatchObject({ firstKey: 'a', codec: 'none' })
    expect((await onDb('describe')).out).toMatch(/L0 +1 table/)
    expect(readdirSync(join(db, 'manifest'))).toEqual(before)
  })

  test('reading commands do not fence a writer', async () => {
    const writer = await SlateDB.open(await openFileStore(db))
    await writer.put('a', '1')
    expect((await onDb('get', 'a')).out).toBe('1\n')
    expect((await onDb('scan')).out).toBe('a\t1\n')
    await writer.put('b', '2')
    await writer.close()
  })

  test('an empty place is "not found" and no damage', async () => {
    for (const command of [['get', 'a'], ['scan'], ['describe']]) {
      const { code, err } = await onDb(...command)
      expect(code).toBe(3)
      expect(err).toContain('there is no database')
    }
  })

  test('doctor finds a folder safe and leaves nothing behind', async () => {
    const { code, out } = await onDb('doctor', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ safe: true })
    expect(readdirSync(folder).flatMap((name) => readdirSync(join(folder, name)))).toEqual([])
  })

  test('doctor takes a location, and says of a store that only reads what it is good for', async () => {
    const server = createServer((_, response) => response.writeHead(404).end())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const { code, out } = await run(['doctor', `http://127.0.0.1:${port}/db`, '--quiet'])
    server.close()
    expect(code).toBe(8)
    expect(out).toMatch(/refused read after write/)
    expect(out).toMatch(/advice: the store is read-only: open a reader here/)
  })

  test('bench measures in memory', async () => {
    const { code, out } = await run(['bench', '--rows', '2000', '--seconds', '1', '--json', '--quiet'])
    expect(code).toBe(0)
    const { results } = JSON.parse(out)
    expect(results.map((result: { operations: number }) => result.operations > 0)).toEqual(Array(7).fill(true))
  })
})

describe('settings and usage', () => {
  test('a settings file and the environment reach the engine', async () => {
    const settings = join(folder, 'settings.toml')
    writeFileSync(settings, 'format_generation = "0.12"\n')
    const fenceSize = (name: string) => statSync(join(folder, name, 'wal', '00000000000000000001.sst')).size
    expect((await onDb('put', 'a', '1', '--settings', settings)).code).toBe(0)
    expect(fenceSize('app')).toBeGreaterThan(0)
    // Variables are stronger than files; the fence of the newer generation is an empty object.
    const env = { SLATEDB_FORMAT_GENERATION: '0.15' }
    expect((await run(['--db', join(folder, 'b'), '--settings', settings, 'put', 'a', '1'], { env })).code).toBe(0)
    expect(fenceSize('b')).toBe(0)
  })

  test('an unknown setting is named with its file', async () => {
    const settings = join(folder, 'settings.yaml')
    writeFileSync(settings, 'flush_intervall: 1s\n')
    const { code, err } = await onDb('put', 'a', '1', '--settings', settings)
    expect(code).toBe(2)
    expect(err).toContain('flush_interval')
    expect(err).toContain('settings.yaml')
  })

  test('the variables of the original tools name a database', async () => {
    const env = { CLOUD_PROVIDER: 'local', LOCAL_PATH: folder }
    expect((await run(['--path', 'app', 'put', 'a', '1'], { env })).code).toBe(0)
    expect((await onDb('get', 'a')).out).toBe('1\n')
  })

  test.each<[string, string[], RegExp]>([
    ['no database', ['get', 'a'], /which database\?/],
    ['an unknown command', ['git'], /unknown command/],
    ['an unknown flag', ['get', 'a', '--loud'], /unknown option/],
    ['a missing argument', ['get'], /missing required argument/],
    ['a bad choice', ['get', 'a', '--value', 'x'], /Allowed choices/],
    ['an unknown scheme', ['--db', 'ftp://x/y', 'get', 'a'], /ftp/],
    ['prefix and range', ['--db', 'memory:', 'scan', '--prefix', 'a', '--from', 'b'], /not both/],
  ])('%s ends with exit code 2', async (_name, args, message) => {
    const { code, err } = await run(args)
    expect(err).toMatch(message)
    expect(code).toBe(2)
  })

  test('help and version are no errors', async () => {
    expect(await run(['--help'])).toMatchObject({ code: 0, err: '' })
    expect((await run(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  test('errors are JSON when asked, and stacks come only with --debug', async () => {
    const plain = await run(['--db', join(folder, 'none'), 'describe', '--json'])
    expect(plain.code).toBe(3)
    expect(JSON.parse(plain.err).error).toMatchObject({
      kind: 'Data',
      message: expect.stringContaining('there is no database'),
    })
    expect((await run(['--db', join(folder, 'none'), 'describe', '--debug'])).err).toContain('\n    at ')
  })
})
