// Lists as stores answer them. Whatever the body, the answer is a list whose entries are whole, or a typed error.

import { encodeUtf8 } from '../../../src/bytes/text.ts'
import type { Random } from '../../../src/env/random.ts'
import type { ObjectStore } from '../../../src/objects/store.ts'
import { AzureStore } from '../../../src/stores/azure.ts'
import { GcsStore } from '../../../src/stores/gcs.ts'
import { HttpStore } from '../../../src/stores/http.ts'
import { S3Store } from '../../../src/stores/s3.ts'
import { mutate, mutateText, someSize } from '../mutate.ts'
import { must, type Target } from '../target.ts'

type Fetch = typeof fetch

interface ListFuzz {
  readonly name: string
  readonly open: (fetch: Fetch) => ObjectStore
  readonly document: (random: Random) => string
  readonly tokens: readonly string[]
}

const NAMES = [
  'a',
  'db/wal/00000000000000000001.sst',
  'é',
  '100%',
  '%41',
  '%ff',
  'a+b',
  'a b',
  '&amp;',
  '',
  '..',
  '__proto__',
]
const SIZES = ['0', '1', '4096', '', '-1', '12abc', '1e3', '9007199254740993', 'NaN', ' 7 ']
const TIMES = ['2026-01-02T03:04:05.000Z', '', 'yesterday', 'Fri, 02 Jan 2026 03:04:05 GMT', '-1']

/** Mostly what a server sends. */
const usual = (random: Random, values: readonly string[]): string =>
  random.chance(0.9) ? values[random.int(0, Math.min(2, values.length - 1))]! : random.pick(values)

function listTarget({ name, open, document, tokens }: ListFuzz): Target {
  return {
    name,
    make(random) {
      const good = document(random)
      const input = random.chance(0.2) ? good : random.chance(0.8) ? mutateText(random, good, tokens) : good
      const bytes = random.chance(0.1) ? mutate(random, encodeUtf8(input)) : encodeUtf8(input)
      return {
        input,
        async run() {
          let pages = 0
          const store = open(async () => {
            // A server that always says that more follows would be asked without end.
            if (++pages > 3) throw new TypeError('the server hangs up')
            return new Response(bytes.slice(), { headers: { 'content-type': 'application/xml' } })
          })
          const listed = await store.list('')
          for (const { path, size, lastModified } of listed) {
            must(typeof path === 'string' && path !== '', `a listed name is ${JSON.stringify(path)}`)
            must(Number.isSafeInteger(size) && size >= 0, `a listed size is ${size}`)
            must(!Number.isNaN(lastModified), 'a listed time is NaN')
          }
        },
      }
    },
  }
}

const NEVER = { timeoutMs: 1e6 }
const XML_TOKENS = [
  '<',
  '>',
  '</',
  '/>',
  '&',
  '&lt;',
  '&#0;',
  '&#xD800;',
  '&x;',
  '<!--',
  '-->',
  '<![CDATA[',
  ']]>',
  '<?xml',
  '"',
  ' ',
  '\0',
  '<a>',
  '<!DOCTYPE x [<!ENTITY x "y">]>',
  '<Error/>',
  '\uFEFF',
  '<a>'.repeat(3000),
]

const s3 = listTarget({
  name: 'list-s3',
  open: (fetch) =>
    new S3Store({ ...NEVER, bucket: 'b', fetch, credentials: { accessKeyId: 'a', secretAccessKey: 's' } }),
  tokens: [
    ...XML_TOKENS,
    '<Contents>',
    '</Contents>',
    '<Key>',
    '<Size>',
    '<IsTruncated>true</IsTruncated>',
    '<EncodingType>url</EncodingType>',
  ],
  document(random) {
    const entries = Array.from(
      { length: someSize(random, 6, 1000) },
      () =>
        `<Contents><Key>${usual(random, NAMES)}</Key><LastModified>${usual(random, TIMES)}</LastModified><ETag>"e"</ETag><Size>${usual(random, SIZES)}</Size></Contents>`,
    )
    const more = random.chance(0.2) ? '<NextContinuationToken>t</NextContinuationToken>' : ''
    return `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><EncodingType>url</EncodingType><IsTruncated>${more !== ''}</IsTruncated>${more}${entries.join('')}</ListBucketResult>`
  },
})

const azure = listTarget({
  name: 'list-azure',
  open: (fetch) =>
    new AzureStore({ ...NEVER, account: 'a', container: 'c', fetch, credentials: { sas: '?sv=1&sig=x' } }),
  tokens: [...XML_TOKENS, '<Blob>', '</Blob>', '<Name Encoded="true">', '<NextMarker>m</NextMarker>'],
  document(random) {
    const entries = Array.from(
      { length: someSize(random, 6, 1000) },
      () =>
        `<Blob><Name${random.chance(0.2) ? ' Encoded="true"' : ''}>${usual(random, NAMES)}</Name><Properties><Last-Modified>${usual(random, TIMES)}</Last-Modified><Etag>0x1</Etag><Content-Length>${usual(random, SIZES)}</Content-Length></Properties></Blob>`,
    )
    return `\uFEFF<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs>${entries.join('')}</Blobs><NextMarker>${random.chance(0.2) ? 'm' : ''}</NextMarker></EnumerationResults>`
  },
})

const JSON_TOKENS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  'null',
  '"',
  '\\u0000',
  '-1',
  '1e999',
  '"name":5',
  '"size":"x"',
  '{"error":{}}',
  '\uFEFF',
  '['.repeat(5000),
]

const gcs = listTarget({
  name: 'list-gcs',
  open: (fetch) => new GcsStore({ ...NEVER, bucket: 'b', fetch, credentials: 'token' }),
  tokens: JSON_TOKENS,
  document(random) {
    const items = Array.from({ length: someSize(random, 6, 1000) }, () => ({
      kind: 'storage#object',
      name: usual(random, NAMES),
      size: usual(random, SIZES),
      generation: usual(random, ['1', '17', '99', '', 'x', '0']),
      updated: usual(random, TIMES),
    }))
    return JSON.stringify({ kind: 'storage#objects', items, ...(random.chance(0.2) && { nextPageToken: 't' }) })
  },
})

const http = listTarget({
  name: 'list-http',
  open: (fetch) => new HttpStore({ ...NEVER, url: 'https://h/x', index: 'index.json', fetch }),
  tokens: JSON_TOKENS,
  document(random) {
    const items = Array.from({ length: someSize(random, 6, 1000) }, () =>
      random.chance(0.5)
        ? usual(random, NAMES)
        : { path: usual(random, NAMES), size: random.int(-1, 99), lastModified: random.int(-1, 1e9) },
    )
    return JSON.stringify(items)
  },
})

export const answerTargets: readonly Target[] = [s3, azure, gcs, http]
