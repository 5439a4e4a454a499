import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { delimiterOf, formatOf, openInput, type RecordFormat } from './records.ts'

const folder = mkdtempSync(join(tmpdir(), 'slatedb-records-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The records of `content`, as `name=text` lists, and the error behind them. */
async function read(format: RecordFormat, content: string | Uint8Array, chunkSize = 1 << 16) {
  const bytes = Buffer.from(content as string)
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunkSize) }, (_, i) =>
    bytes.subarray(i * chunkSize, (i + 1) * chunkSize),
  )
  const { records } = openInput('-', Readable.from(chunks), format, ',')
  const seen: string[] = []
  try {
    for await (const batch of records) {
      for (const record of batch) seen.push(record.names.map((name, i) => `${name}=${record.text(i)}`).join(' '))
    }
  } catch (error) {
    return { seen, error: (error as Error).message }
  }
  return { seen, error: undefined }
}

const latin1 = (text: string) => Buffer.from(text, 'latin1')
const MARK = '\uFEFF'

describe.each([1, 2, 3, 1 << 16])('in chunks of %i bytes', (size) => {
  test('a byte order mark is taken off the file and nowhere else', async () => {
    expect((await read('jsonl', `${MARK}{"key":"k","v":"${MARK}x"}\n`, size)).seen).toEqual([`key=k v=${MARK}x`])
    expect((await read('csv', `${MARK}key,v\nk,${MARK}x\n`, size)).seen).toEqual([`key=k v=${MARK}x`])
  })

  test('U+2028 and U+2029 are text, in JSON lines and in CSV', async () => {
    const text = 'before\u2028between\u2029after'
    expect((await read('jsonl', `{"key":"${text}"}\n{"key":"b"}`, size)).seen).toEqual([`key=${text}`, 'key=b'])
    expect((await read('csv', `key\n${text}\nb\n`, size)).seen).toEqual([`key=${text}`, 'key=b'])
  })

  test('both line ends count in one file, and a quoted one is text', async () => {
    expect((await read('csv', 'key,v\r\na,1\nb,2\r\n"c\r\nd",3\n', size)).seen).toEqual([
      'key=a v=1',
      'key=b v=2',
      'key=c\r\nd v=3',
    ])
    expect((await read('jsonl', '{"key":"a"}\r\n\r\n{"key":"b"}\n', size)).seen).toEqual(['key=a', 'key=b'])
  })

  test('bytes that are no UTF-8 are an error behind the records before them', async () => {
    const csv = await read('csv', latin1('key,value\nMuller,1\nM\xfcller,2\nM\xe4ller,3\n'), size)
    expect(csv.seen).toEqual(['key=Muller value=1'])
    expect(csv.error).toMatch(/^standard input, byte 21: the file is not UTF-8/)
    const lines = await read('jsonl', latin1('{"key":"a"}\n{"key":"M\xfcller"}\n{"key":"c"}\n'), size)
    expect(lines.seen).toEqual(['key=a'])
    expect(lines.error).toMatch(/^standard input, line 2, byte 10 of it: the file is not UTF-8/)
  })

  test('characters of every length are whole again', async () => {
    const text = 'aßключ€😀'
    expect((await read('csv', `key\n${text}\n`, size)).seen).toEqual([`key=${text}`])
    expect((await read('jsonl', `{"key":"${text}"}`, size)).seen).toEqual([`key=${text}`])
  })
})

test('a character that is cut off at the end of the file is an error', async () => {
  expect((await read('csv', Buffer.from('key\nab€').subarray(0, -1))).error).toMatch(/byte 7: the file is not UTF-8/)
  expect((await read('jsonl', Buffer.from('{"key":"€"}').subarray(0, 10))).error).toMatch(/not UTF-8/)
})

test('two columns or members of one name are refused, also when the name is one of every object', async () => {
  expect((await read('csv', 'id,name,name\n1,first,second\n')).error).toMatch(/two columns are named "name"/)
  expect((await read('jsonl', '{"id":1}\n{"id":2,"id":3}\n')).error).toMatch(/line 2: the member "id" is there twice/)
  expect((await read('csv', 'constructor,__proto__\n1,2\n')).seen).toEqual(['constructor=1 __proto__=2'])
  expect((await read('jsonl', '{"__proto__":1,"constructor":{"a":[ 1 ]}}')).seen).toEqual([
    '__proto__=1 constructor={"a":[1]}',
  ])
})

test('numbers are taken as they are written', async () => {
  const line = '{"a":12345678901234567890,"b":9007199254740993,"c":1e400,"d":0.1000000000000000055,"e":-0,"f":1.0}'
  expect((await read('jsonl', line)).seen).toEqual([
    'a=12345678901234567890 b=9007199254740993 c=1e400 d=0.1000000000000000055 e=-0 f=1.0',
  ])
})

test('a CSV file whose lines end in a carriage return alone is refused, not read as one header', async () => {
  expect((await read('csv', 'key,v\ra,1\rb,2\r')).error).toMatch(/carriage return alone/)
})

test('records before a line that is wrong are all seen', async () => {
  const good = Array.from({ length: 100 }, (_, i) => `k${i},v`)
  expect((await read('csv', ['key,v', ...good, 'short'].join('\n'))).seen).toHaveLength(100)
  expect((await read('csv', ['key,v', ...good, 'a,"b"c'].join('\n'))).seen).toHaveLength(100)
  const lines = good.map((key) => JSON.stringify({ key }))
  expect((await read('jsonl', [...lines, '{"key":'].join('\n'))).seen).toHaveLength(100)
})

test('gzip is told by its first bytes, and its ending hides that of the format no more', async () => {
  const file = join(folder, 'rows.csv.gz')
  writeFileSync(file, gzipSync('key,v\na,1\n'))
  expect(formatOf(file)).toBe('csv')
  expect(delimiterOf('x.tsv.gz')).toBe('\t')
  const keys: string[] = []
  for await (const batch of openInput(file, process.stdin, 'csv', ',').records) {
    keys.push(...batch.map((record) => record.text(0)))
  }
  expect(keys).toEqual(['a'])
  expect((await read('csv', gzipSync('key\na\n').subarray(0, 20))).error).toMatch(/^standard input: /)
})
