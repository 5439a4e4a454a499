// CPU per request of a 4 KiB range GET: ours against Amazon's own client, same server, one run. The server is another
// process, so that its time does not count.

import { createRequire } from 'node:module'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { S3Store } from '../../../src/stores/s3.ts'
import { log, npmPackages, provide, startServer } from '../lane.ts'
import { KEYS } from './servers.ts'

const SERVER = `
  const body = Buffer.alloc(4096, 7)
  const headers = { 'content-length': 4096, 'content-range': 'bytes 0-4095/1048576', etag: '"e"', 'x-amz-request-id': 'R' }
  require('node:http')
    .createServer((request, response) => response.writeHead(206, headers).end(body))
    .listen(Number(process.argv[1]), '127.0.0.1')
`
const REQUESTS = 2000
const AT_ONCE = 8

interface Sdk {
  S3Client: new (
    options: object,
  ) => { send(command: object): Promise<{ Body: { transformToByteArray(): Promise<Uint8Array> } }> }
  GetObjectCommand: new (input: object) => object
}

/** Microseconds of CPU per request. */
async function cpuOf(one: () => Promise<Uint8Array>): Promise<number> {
  let left = REQUESTS
  const before = process.cpuUsage()
  const runner = async () => {
    while (left-- > 0) expect((await one()).length).toBe(4096)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, runner))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / REQUESTS
}

const ready = await provide('@aws-sdk/client-s3', async () => {
  const folder = await npmPackages('s3')
  const sdk = createRequire(join(folder, 'package.json'))('@aws-sdk/client-s3') as Sdk
  const args = (port: number) => ['-e', SERVER, String(port)]
  return { sdk, server: await startServer({ name: 'cpu', command: process.execPath, args }) }
})
if (ready !== undefined) {
  const { sdk, server } = ready
  afterAll(() => server.stop())
  test("a 4 KiB range GET costs about half of the CPU of Amazon's client", async () => {
    const endpoint = `http://127.0.0.1:${server.port}`
    const store = new S3Store({ bucket: 'bucket', endpoint, credentials: KEYS })
    const ours = async () => (await store.get('db/a', { range: { start: 0, end: 4096 } })).bytes
    const client = new sdk.S3Client({ region: 'us-east-1', endpoint, forcePathStyle: true, credentials: KEYS })
    const theirs = async () => {
      const command = new sdk.GetObjectCommand({ Bucket: 'bucket', Key: 'db/a', Range: 'bytes=0-4095' })
      return (await client.send(command)).Body.transformToByteArray()
    }
    const bare = async () => {
      const reply = await fetch(`${endpoint}/bucket/db/a`, { headers: { range: 'bytes=0-4095' } })
      return new Uint8Array(await reply.arrayBuffer())
    }
    // The first round compiles; of the others each side's best counts, for the machine has other work too.
    const best = [Infinity, Infinity, Infinity]
    for (let round = 0; round < 4; round++) {
      for (const [i, one] of [ours, theirs, bare].entries()) {
        const cpu = await cpuOf(one)
        if (round > 0) best[i] = Math.min(best[i]!, cpu)
      }
    }
    const [a, b, c] = best.map(Math.round) as [number, number, number]
    log(
      `CPU per 4 KiB range GET: ours ${a} us, @aws-sdk/client-s3 ${b} us, bare fetch ${c} us, ratio ${(a / b).toFixed(2)}`,
    )
    // The figure is what the log says; the bound is wide, because a busy machine must not fail a correct change.
    expect(a / b).toBeLessThan(0.9)
  })
}
