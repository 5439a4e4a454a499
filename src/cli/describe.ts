// slatedb-ts describe: levels, sizes, log, sequence numbers, requests.

import type { Command } from 'commander'
import { type Description, describeDatabase, type TableLine, type TreeDescription } from './description.ts'
import { bytes, count, dollars, instant, plural, table } from './human.ts'
import { inertLine } from './inert.ts'
import { locate } from './locate.ts'
import type { Action } from './program.ts'
import { openHere } from './session.ts'
import type { Shell } from './shell.ts'

export function addDescribe(program: Command, action: Action): void {
  program
    .command('describe')
    .summary('what the database is made of')
    .description(
      'Prints levels, sizes, log, sequence numbers and checkpoints, from the newest manifest. Writes nothing.',
    )
    .action(action(describe))
}

async function describe(shell: Shell): Promise<undefined> {
  const description = await describeDatabase(await openHere(shell, locate(shell)))
  if (shell.json) await shell.printJson(description)
  else await shell.print(descriptionText(description, shell.colors.bold))
}

/** The description for the eye; the demo prints it too. */
export function descriptionText(d: Description, bold: (text: string) => string): string {
  const head: [string, string][] = [
    ['path', d.path === '' ? '(top of the store)' : inertLine(d.path)],
    ['manifest', `${count(d.manifestId)} (${plural(d.manifests, 'version')} kept)`],
    ['writer epoch', `${d.writerEpoch}, compactor epoch ${d.compactorEpoch}`],
    [
      'sequence',
      `${count(d.lastL0Seq)} in the tree${d.lastWrite === undefined ? '' : `, last written ${d.lastWrite}`}`,
    ],
    ['log', walText(d)],
    ['objects', `${count(d.objects)}, ${bytes(d.totalBytes)}`],
    ['stored', `${dollars(d.storageDollarsPerMonth)} per month on S3 Standard`],
  ]
  if (d.unreferenced.objects > 0) {
    head.push(['not in the tree', `${plural(d.unreferenced.objects, 'table')}, ${bytes(d.unreferenced.bytes)}`])
  }
  if (d.parents.length > 0) head.push(['clone of', inertLine(d.parents.join(', '))])
  for (const checkpoint of d.checkpoints) {
    const expires = checkpoint.expireTime === undefined ? 'never' : instant(checkpoint.expireTime * 1000)
    head.push([
      'checkpoint',
      `${checkpoint.id}${checkpoint.name === undefined ? '' : ` "${inertLine(checkpoint.name)}"`}, expires ${expires}`,
    ])
  }
  const width = Math.max(...head.map(([name]) => name.length))
  return [
    bold(inertLine(d.store)),
    ...head.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`),
    ...d.trees.map((tree) => treeText(tree, bold)),
    `  ${plural(d.requests, 'request')} to find this out (${dollars(d.requestDollars)})`,
  ].join('\n')
}

export function treeText(tree: TreeDescription, bold: (text: string) => string): string {
  const title = bold(tree.segment === '' ? 'tree' : `segment ${inertLine(tree.segment)}`)
  if (tree.l0.length === 0 && tree.runs.length === 0) return `${title}: empty`
  const size = (lines: readonly TableLine[]) => lines.reduce((total, line) => total + line.bytes, 0)
  const rows = [
    ...(tree.l0.length > 0 ? [level('L0', tree.l0, size(tree.l0))] : []),
    ...tree.runs.map((run) => level(`run ${run.id}`, run.tables, run.bytes)),
  ]
  return `${title}\n${table(rows)}`
}

function level(name: string, lines: readonly TableLine[], size: number): string[] {
  const firsts = lines.flatMap((line) => line.firstKey ?? []).sort()
  const lasts = lines.flatMap((line) => line.lastKey ?? []).sort()
  const keys =
    firsts.length === 0
      ? ''
      : `${shorten(firsts[0]!)} .. ${lasts.length === 0 ? '?' : shorten(lasts[lasts.length - 1]!)}`
  return [
    name,
    plural(lines.length, 'table'),
    bytes(size),
    [...new Set(lines.map((line) => line.codec))].join('+'),
    keys,
  ]
}

function walText(d: Description): string {
  if (d.wal.separateStore) return `in a store of its own, replay starts after object ${d.wal.replayAfter}`
  return `${plural(d.wal.objects, 'object')}, ${bytes(d.wal.bytes)}; an open replays ${plural(d.wal.toReplay, 'object')} after ${d.wal.replayAfter}`
}

function shorten(text: string): string {
  const key = inertLine(text)
  return key.length <= 32 ? key : `${key.slice(0, 31)}…`
}
