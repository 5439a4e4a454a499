// What import, export and the commands that write do at their edges, from outside.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { SlateDB } from '../api/slatedb.ts'
import { systemClock } from '../env/system.ts'
import { openFileStore } from '../node/open-file.ts'
import { watched } from './patience.ts'
import { runCommandLine } from './program.ts'

const root = mkdtempSync(join(tmpdir(), 'slatedb-import-'))
afterAll(() => rmSync(root, { recursive: true }))

let folder: string
let db: string
beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'))
  db = join(folder, 'app')
})

async function run(args: readonly string[], stdin: string | Uint8Array = '', env: Record<string, string> = {}) {
  const texts = ['', '']
  const sink = (i: number) =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        texts[i] += chunk.toString()
        done()
      },
    })
  const code = await runCommandLine(args, {
    stdin: Readable.from([Buffer.from(stdin as string)]),
    stdout: sink(0),
    stderr: sink(1),
    env: { HOME: folder, ...env },
  })
  return { code, out: texts[0]!, err: texts[1]! }
}

const onDb = (...args: string[]) => run(['--db', db, ...args])
const importText = (format: string, text: string | Uint8Array, ...args: string[]) =>
  run(['--db', db, 'import', '-', '--format', format, ...args], text)

describe('import is exact', () => {
  test('numbers that a double cannot hold stay as they are written, in keys and in values', async () => {
    const lines = [
      '{"id":12345678901234567890,"n":9007199254740993}',
      '{"id":12345678901234567891,"n":1e400,"m":[ 0.1000000000000000055, "a b" ]}',
    ]
    expect(await importText('jsonl', lines.join('\n'), '--key', 'id')).toMatchObject({ code: 0 })
    expect((await onDb('scan')).out).toBe(
      '12345678901234567890\t{"n":9007199254740993}\n' +
        '12345678901234567891\t{"n":1e400,"m":[0.1000000000000000055,"a b"]}\n',
    )
  })

  test('rows with U+2028, a byte order mark and line breaks come back from an export', async () => {
    const value = '\uFEFFbefore\u2028after\u2029\r\nend\r'
    const writer = await SlateDB.open(await openFileStore(db))
    await writer.put('k\u2028', value)
    await writer.close()
    for (const format of ['csv', 'jsonl']) {
      const file = join(folder, `rows.${format}`)
      const copy = join(folder, `copy-${format}`)
      await onDb('export', file)
      expect((await run(['--db', copy, 'import', file])).code).toBe(0)
      const reader = await SlateDB.openReader(await openFileStore(copy), { valueEncoding: 'utf8' })
      expect(await reader.get('k\u2028')).toBe(value)
      await reader.close()
    }
  })

  test('a member of any name is data', async () => {
    await importText('jsonl', '{"__proto__":"a","constructor":{"x":1},"toString":null}', '--key', '__proto__')
    expect((await onDb('scan')).out).toBe('a\t{"constructor":{"x":1},"toString":null}\n')
  })

  test('0x… is text when asked', async () => {
    await importText('csv', 'key,value\n0xab,0x41\n', '--no-hex')
    const reader = await SlateDB.openReader(await openFileStore(db), { keyEncoding: 'utf8', valueEncoding: 'utf8' })
    expect(await reader.get('0xab')).toBe('0x41')
    await reader.close()
  })
})

describe('import refuses', () => {
  const latin1 = Buffer.from('key,value\nA,0\nM\xfcller,1\nM\xe4ller,2\n', 'latin1')

  test.each<[string, string, string | Uint8Array, string[], RegExp]>([
    ['a file that is not UTF-8', 'csv', latin1, [], /not UTF-8.*\n.*Mend record 2 .*--skip 1, .*--skip 2/],
    ['two columns of one name', 'csv', 'id,name,name\n1,a,b\n', ['--key', 'id'], /two columns are named "name"/],
    ['a member that is there twice', 'jsonl', '{"key":1,"key":2}\n', [], /line 1: the member "key" is there twice/],
    ['a key column that only every object has', 'csv', 'id\n1\n', ['--key', 'constructor'], /no column "constructor"/],
    ['half of a surrogate pair in a key', 'jsonl', '{"key":"\\ud800","n":1}', [], /record 1: key .* surrogate/],
    ['a column besides key and value', 'jsonl', '{"key":1,"value":2}\n{"key":3,"value":4,"x":5}', [], /record 2 .*"x"/],
  ])('%s, with exit code 2', async (_name, format, text, args, message) => {
    const { code, err } = await importText(format, text, ...args)
    expect(err).toMatch(message)
    expect(code).toBe(2)
  })

  test('a record in the middle: those before it are durable, and --skip goes on behind it', async () => {
    const line = (i: number) => JSON.stringify({ key: `k${String(i).padStart(5, '0')}`, n: i })
    const lines = Array.from({ length: 3000 }, (_, i) => line(i))
    lines[2500] = '{"key":'
    const { code, err, out } = await importText('jsonl', lines.join('\n'), '--json')
    expect(code).toBe(2)
    expect(JSON.parse(out)).toMatchObject({ records: 2500, interrupted: false, continueWith: 2500 })
    expect(JSON.parse(err).error.advice).toBe(
      '2,500 records are imported and durable. Mend record 2,501 and continue with --skip 2500, or leave it out with --skip 2501',
    )
    expect((await onDb('scan', '--count')).out).toMatch(/^2500 entries/)
    lines[2500] = line(2500)
    expect((await importText('jsonl', lines.join('\n'), '--skip', '2500')).code).toBe(0)
    expect((await onDb('scan', '--count')).out).toMatch(/^3000 entries/)
  })
})

describe('a writer that may be at work', () => {
  test('one command after the other may write, without a flag', async () => {
    for (const n of ['1', '2', '3']) expect((await onDb('put', `k${n}`, n)).code).toBe(0)
    expect((await onDb('delete', 'k1')).code).toBe(0)
    expect((await importText('jsonl', '{"key":"k4"}')).code).toBe(0)
    expect((await onDb('scan', '--value', 'none')).out).toBe('k2\nk3\nk4\n')
  })

  test.each<[string, string[]]>([
    ['put', ['put', 'b', '2']],
    ['delete', ['delete', 'a']],
    ['import', ['import', '-', '--format', 'jsonl']],
  ])('%s leaves it alone, unless told to take over', async (_name, args) => {
    // Another process's, as far as this one can tell: its store has another name.
    const { store, path } = await openFileStore(db)
    const away = {
      ...watched(store, { clock: systemClock, patienceMs: 1e9, giveUp: () => {} }),
      describe: () => 'away',
    }
    const service = await SlateDB.open({ store: away, path })
    await service.put('a', '1')
    const refused = await onDb(...args)
    expect(refused).toMatchObject({ code: 5, out: '' })
    expect(refused.err).toContain('--take-over')
    await service.put('a', '2')
    expect((await onDb(...args, '--take-over')).code).toBe(0)
    await expect(service.put('a', '3')).rejects.toMatchObject({ closeReason: 'Fenced' })
    await service.close().catch(() => {})
  })
})

test('a full L0 is said, and ends the import after --timeout with a code of its own', async () => {
  const settings = join(folder, 'settings.json')
  writeFileSync(settings, '{"l0_max_ssts": 1, "l0_sst_size_bytes": 4096, "max_unflushed_bytes": 8192}')
  const lines = Array.from({ length: 3000 }, (_, i) => JSON.stringify({ key: `k${i}`, text: 'x'.repeat(50) }))
  const args = [
    '--db',
    db,
    '--settings',
    settings,
    '--timeout',
    '2s',
    'import',
    '-',
    '--format',
    'jsonl',
    '--batch',
    '20',
  ]
  const { code, err } = await run(args, lines.join('\n'))
  expect(err).toMatch(/gave up after waiting .* for room in L0/)
  expect(err).toMatch(/records are imported and durable; continue with: --skip \d+/)
  expect(code).toBe(9)
  const durable = Number(/--skip (\d+)/.exec(err)![1])
  expect(durable).toBeGreaterThan(0)
  expect(Number(/^(\d+) entries/.exec((await onDb('scan', '--count')).out)![1])).toBe(durable)
})

describe('export', () => {
  test('leaves a file alone when there is no database, and when it was not asked to replace it', async () => {
    const file = join(folder, 'rows.csv')
    expect((await onDb('export', file)).code).toBe(3)
    expect(existsSync(file)).toBe(false)
    writeFileSync(file, 'precious')
    expect((await onDb('export', file, '--force')).code).toBe(3)
    await onDb('put', 'a', '1')
    expect(await onDb('export', file)).toMatchObject({ code: 2, err: expect.stringContaining('--force') })
    expect(readFileSync(file, 'utf8')).toBe('precious')
    expect((await onDb('export', file, '--force')).code).toBe(0)
    expect(readFileSync(file, 'utf8')).toBe('key,value\na,1\n')
    expect(readdirSync(folder).filter((name) => name.startsWith('rows'))).toEqual(['rows.csv'])
  })
})

describe('what is printed', () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/

  test('stored control characters reach the terminal from no command', async () => {
    const steering = '\u001b]0;title\u0007\u001b[2J\u009b2J\u202e\u2028'
    const writer = await SlateDB.open(await openFileStore(db))
    await writer.put(`a${steering}`, steering)
    await writer.put('plain', steering)
    await writer.close()
    for (const args of [
      ['describe'],
      ['describe', '--json'],
      ['scan'],
      ['scan', '--json'],
      ['scan', '--key', 'utf8', '--value', 'utf8'],
      ['get', 'plain', '--value', 'utf8'],
      ['get', 'plain', '--json', '--row'],
      ['get', `missing${steering}`],
      ['delete', 'nothing', '--take-over', '--debug', steering],
    ]) {
      const { out, err } = await onDb(...args)
      expect(out + err, args.join(' ')).not.toMatch(STEERING)
    }
    expect((await onDb('get', 'plain', '--value', 'utf8')).out).toContain('\\x1b]0;title\\x07')
    expect(JSON.parse((await onDb('get', 'plain', '--json')).out).value).toBe(steering)
  })

  test('a row that expires after the last date is shown', async () => {
    const writer = await SlateDB.open(await openFileStore(db))
    await writer.put('a', '1', { ttl: 9e15 - Date.now() })
    await writer.close()
    const { code, err } = await onDb('get', 'a', '--row')
    expect(err).toMatch(/expires \d+ ms after 1970/)
    expect(code).toBe(0)
  })

  test('delete counts the keys that were there', async () => {
    await onDb('put', 'a', '1')
    expect((await onDb('delete', 'a', 'b')).err).toMatch(/^deleted 1 key \(1 key was not there\)/)
    expect((await onDb('delete', 'b')).err).toMatch(/^deleted 0 keys/)
  })

  test('an environment file that is missing is an error of ours', async () => {
    for (const flag of ['-e', '--env', '--env-file']) {
      const { code, err } = await run([flag, 'nosuch', '--db', db, 'get', 'a'])
      expect(err).toMatch(/environment file "nosuch" cannot be read/)
      expect(code).toBe(2)
    }
  })
})
