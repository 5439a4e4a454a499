// The S3 servers of this lane: moto (the semantics of AWS) and MinIO (what many users run).

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

function server(name: string, version: string, port: number, pid: number, stop: () => Promise<void>): S3Server {
  const endpoint = `http://127.0.0.1:${port}`
  const client = new AwsClient({ ...KEYS, service: 's3', region: 'us-east-1', retries: 20 })
  let buckets = 0
  log(`${name} ${version} at ${endpoint}, process ${pid}`)
  return {
    name,
    version,
    endpoint,
    port,
    pid,
    stop,
    async bucket() {
      const bucket = `lane-${++buckets}`
      const reply = await client.fetch(`${endpoint}/${bucket}`, { method: 'PUT' })
      if (!reply.ok) throw new Error(`no bucket: ${reply.status} ${await reply.text()}`)
      return bucket
    },
  }
}
