// slatedb-ts doctor: what this store guarantees, and what that means for a database on it. Leaves nothing behind.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { mintUlid } from '../bytes/ids.ts'
import { systemRandom } from '../env/random.ts'
import { folderOf } from '../node/open-file.ts'
import { advice, cleanUp, type Finding, measureLatency, probeStore } from './doctor-probes.ts'
import { EXIT } from './exit-codes.ts'
import { duration, table } from './human.ts'
import { locate } from './locate.ts'
import { openLocation } from './open-location.ts'
import type { Action } from './program.ts'
import type { Shell } from './shell.ts'

export function addDoctor(program: Command, action: Action): void {
  program
    .command('doctor')
    .summary('find out what the store guarantees')
    .argument('[location]', 'instead of --db')
    .description(
      'Probes the object store with small objects in a folder of its own beside the database: create races, ' +
        'compare-and-set races, ranges, lists, metadata, an upload in parts, the clock. Says what is safe there and ' +
        'which settings to use. Leaves nothing behind. Exit code 8 when a database would not be safe.',
    )
    .action(action(doctor))
}

async function doctor(shell: Shell, location: string | undefined): Promise<number> {
  const { url, env } = locate(shell, location)
  const { store, path } = await openLocation(url, env, shell)
  const random = systemRandom()
  const name = `.slatedb-doctor-${mintUlid(shell.clock.now(), random.bytes(10))}/`
  const context = { store, folder: path === '' ? name : `${path}/${name}`, clock: shell.clock, random }
  let findings: Finding[] = []
  let latencies: Awaited<ReturnType<typeof measureLatency>>
  try {
    findings = await probeStore(context, (probe) => shell.note(`probing ${probe} ...`))
    latencies = findings.every(({ result }) => result === 'ok' || result === 'missing')
      ? await measureLatency(context)
      : []
  } finally {
    // The first probe writes: refused, there is nothing to clean up, and a store that only reads may not list either.
    const left = findings[0]?.result === 'refused' ? 0 : await cleanUp(context)
    if (left > 0) shell.complain(`${left} probe objects could not be deleted under ${context.folder}`)
    else if (url.startsWith('file:')) rmSync(join(folderOf(url), name), { recursive: true, force: true })
  }
  const unsafe = findings.filter((finding) => finding.essential && finding.result !== 'ok')
  if (shell.json) {
    await shell.printJson({
      store: store.describe(),
      safe: unsafe.length === 0,
      findings,
      latencies,
      advice: advice(findings, latencies),
      requests: store.counts.requests(),
    })
  } else {
    await print(shell, store.describe(), findings, latencies, unsafe.length === 0)
  }
  return unsafe.length === 0 ? EXIT.ok : EXIT.unsafe
}

async function print(
  shell: Shell,
  store: string,
  findings: readonly Finding[],
  latencies: Awaited<ReturnType<typeof measureLatency>>,
  safe: boolean,
): Promise<void> {
  const { bold, green, red, yellow } = shell.colors
  const mark = { ok: green('ok     '), missing: yellow('missing'), failed: red('FAILED '), refused: red('refused') }
  await shell.print(bold(store))
  for (const finding of findings) {
    await shell.print(`  ${mark[finding.result]} ${finding.name}: ${finding.detail}`)
    if (finding.result !== 'ok') await shell.print(`          without it: ${finding.without}`)
  }
  if (latencies.length > 0) {
    await shell.print('round trips (median, worst of 9):')
    await shell.print(table(latencies.map((l) => [l.request, duration(l.medianMs), duration(l.worstMs)])))
  }
  for (const line of advice(findings, latencies)) await shell.print(`advice: ${line}`)
  await shell.print(
    safe ? green('A database on this store is safe.') : red('A database on this store would not be safe.'),
  )
}
