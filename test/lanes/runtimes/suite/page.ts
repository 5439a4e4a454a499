// The suite in a page, which says where things are in its address; it posts its reports to the server it came from.

import { suite } from './suite.ts'
import { runChecks, type World } from './world.ts'

const notes: Record<string, string> = {}
const world: World = {
  kind: 'page',
  server: new URLSearchParams(location.search).get('server')!,
  folder: undefined,
  note: (name, value) => (notes[name] = value),
}

await runChecks(suite(world), notes, (report) => fetch('/report', { method: 'POST', body: JSON.stringify(report) }))
