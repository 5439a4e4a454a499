// The S3 servers of this lane: moto (the semantics of AWS), MinIO (what many users run), and one of your own, such as Ceph
// RGW, that the environment names.

import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { AwsClient } from 'aws4fetch'
import { cacheFolder, goProgram, log, pythonPackages, run, startServer } from '../lane.ts'

export const KEYS = { accessKeyId: 'laneadmin', secretAccessKey: 'lane-secret-key-1' }
const MINIO = ['github.com/minio/minio', 'v0.0.0-20260212201848-7aac2a2c5b7c'] as const

export interface S3Server {
  readonly name: string
  readonly endpoint: string
  readonly port: number
  readonly version: string
  readonly pid: number
  /** A new, empty bucket. */
  bucket(): Promise<string>
  stop(): Promise<void>
}

export async function startMoto(): Promise<S3Server> {
  const env = await pythonPackages('s3')
  const version = await run('python3', ['-c', 'import moto; print(moto.__version__)'], { env })
  const { port, pid, stop } = await startServer({
    name: 'moto',
    command: 'python3',
    args: (free) => ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(free)],
    env,
  })
  return server('moto', version, port, pid, stop)
}

export async function startMinio(): Promise<S3Server> {
  const program = await goProgram(...MINIO)
  const data = mkdtempSync(join(cacheFolder('work'), 'minio-'))
  const { port, pid, stop } = await startServer({
    name: 'minio',
    command: program,
    args: (free) => ['server', data, '--address', `127.0.0.1:${free}`, '--console-address', '127.0.0.1:0', '--quiet'],
    env: {
      MINIO_ROOT_USER: KEYS.accessKeyId,
      MINIO_ROOT_PASSWORD: KEYS.secretAccessKey,
      MINIO_SITE_REGION: 'us-east-1',
      MINIO_UPDATE: 'off',
      MINIO_BROWSER: 'off',
    },
  })
  const stopAndClean = async () => {
    await stop()
    rmSync(data, { recursive: true, force: true })
  }
  return server('MinIO', MINIO[1], port, pid, stopAndClean)
}

export interface OwnServer {
  readonly endpoint: string
  readonly region: string
  readonly keys: typeof KEYS
  readonly etagStyle: 'quoted' | 'unquoted'
  bucket(): Promise<string>
}

/** The server that OWN_S3_ENDPOINT and the usual AWS_ variables name; its buckets stay, and are yours to delete. */
export function ownServer(env: NodeJS.ProcessEnv = process.env): OwnServer | undefined {
  const { OWN_S3_ENDPOINT: endpoint, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, OWN_S3_ETAGS } = env
  if (endpoint === undefined) return undefined
  if (AWS_ACCESS_KEY_ID === undefined || AWS_SECRET_ACCESS_KEY === undefined) {
    throw new Error('OWN_S3_ENDPOINT is set: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY as well')
  }
  const keys = { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY }
  const region = AWS_REGION ?? 'us-east-1'
  const prefix = `slatedb-lane-${randomBytes(4).toString('hex')}`
  log(`${endpoint}: buckets ${prefix}-*`)
  const etagStyle = OWN_S3_ETAGS === 'unquoted' ? 'unquoted' : 'quoted'
  return { endpoint, region, keys, etagStyle, bucket: bucketMaker(endpoint, keys, region, prefix) }
}

function bucketMaker(endpoint: string, keys: typeof KEYS, region: string, prefix: string): () => Promise<string> {
  const client = new AwsClient({ ...keys, service: 's3', region, retries: 20 })
  let buckets = 0
  return async () => {
    const bucket = `${prefix}-${++buckets}`
    const reply = await client.fetch(`${endpoint}/${bucket}`, { method: 'PUT' })
    if (!reply.ok) throw new Error(`no bucket: ${reply.status} ${await reply.text()}`)
    return bucket
  }
}

function server(name: string, version: string, port: number, pid: number, stop: () => Promise<void>): S3Server {
  const endpoint = `http://127.0.0.1:${port}`
  log(`${name} ${version} at ${endpoint}, process ${pid}`)
  return {
    name,
    version,
    endpoint,
    port,
    pid,
    stop,
    bucket: bucketMaker(endpoint, KEYS, 'us-east-1', 'lane'),
  }
}
