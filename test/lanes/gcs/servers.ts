// fake-gcs-server: the JSON API of Google Cloud Storage in one Go program.

import { goProgram, log, startServer } from '../lane.ts'

const FAKE = ['github.com/fsouza/fake-gcs-server', 'v1.56.1'] as const

export interface GcsServer {
  readonly version: string
  readonly endpoint: string
  readonly port: number
  /** A new, empty bucket. */
  bucket(): Promise<string>
  stop(): Promise<void>
}

export async function startFakeGcs(): Promise<GcsServer> {
  const program = await goProgram(...FAKE)
  const { port, pid, stop } = await startServer({
    name: 'fake-gcs-server',
    command: program,
    args: (free) => ['-backend', 'memory', '-scheme', 'http', '-host', '127.0.0.1', '-port', String(free)],
  })
  const endpoint = `http://127.0.0.1:${port}`
  log(`fake-gcs-server ${FAKE[1]} at ${endpoint}, process ${pid}`)
  let buckets = 0
  return {
    version: FAKE[1],
    endpoint,
    port,
    stop,
    async bucket() {
      const name = `lane-${++buckets}`
      const reply = await fetch(`${endpoint}/storage/v1/b?project=lane`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name }),
      })
      if (!reply.ok) throw new Error(`no bucket: ${reply.status} ${await reply.text()}`)
      return name
    },
  }
}
