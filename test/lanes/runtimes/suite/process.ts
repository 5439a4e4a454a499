// The suite in a process of Node, Bun or Deno: `process.ts <server> <folder>`. It reports in lines of JSON, and ends by
// itself: nothing here calls exit, so a timer that somebody forgot keeps it alive, and the lane notices.

import { folderChecks } from './folder.ts'
import { suite } from './suite.ts'
import { runChecks, type World } from './world.ts'

const [server, folder] = process.argv.slice(2)
const notes: Record<string, string> = {}
const world: World = {
  kind: 'process',
  server: server!,
  folder,
  note: (name, value) => (notes[name] = value),
}

await runChecks(new Map([...suite(world), ...folderChecks(world)]), notes, (report) => {
  process.stdout.write(`${JSON.stringify(report)}\n`)
})
