import { test } from 'vitest'
import { addCoverage, loadCodecs, runSeed, seedsOf } from './seeds.ts'
test('scratch', async () => {
  await loadCodecs()
  const total: Record<string, number> = {}
  const failures = new Map<string, number[]>()
  const start = Date.now()
  let max = 0
  let printed = 0
  for (const seed of seedsOf(0, 1)) {
    const t = Date.now()
    try {
      const run = await runSeed(seed)
      addCoverage(total, run.value)
    } catch (error) {
      const e = error as Error
      const message = e.message.split('\n')[0]!.replace(/seed \d+ /, '').replace(/\d+/g, 'N').slice(0, 200)
      failures.set(message, [...(failures.get(message) ?? []), seed])
      if (printed++ < Number(process.env['SHOW'] ?? 1)) console.log(e.message.slice(0, 9000), (e.cause as Error)?.stack?.slice(-1500))
    }
    max = Math.max(max, Date.now() - t)
  }
  console.log('ms', Date.now() - start, 'max', max, JSON.stringify(total, null, 1))
  for (const [m, seeds] of failures) console.log(seeds.length, m, seeds.slice(0, 8).join(' '))
}, 600_000)
