// The suite in a Worker: one request runs all of it, and its answer is lines of JSON, sent as they come.

import { suite } from './suite.ts'
import { runChecks, type World } from './world.ts'

const worker = {
  async fetch(request: Request): Promise<Response> {
    const notes: Record<string, string> = {}
    const world: World = {
      kind: 'worker',
      server: await request.text(),
      folder: undefined,
      note: (name, value) => (notes[name] = value),
    }
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const writer = writable.getWriter()
    const lines = new TextEncoder()
    runChecks(suite(world), notes, (report) => writer.write(lines.encode(`${JSON.stringify(report)}\n`))).then(
      () => writer.close(),
      (error) => writer.abort(error),
    )
    return new Response(readable)
  },
}

export default worker
