// How a workload is measured inside its own process: wall time, CPU time of the whole process, and latencies.

export const SECONDS = Number(process.env.BENCH_SECONDS ?? 1.5)

/** Runs `body` (which returns how many operations it did) and says what it took. */
export async function measured(body) {
  globalThis.gc?.()
  const cpu = process.cpuUsage()
  const start = performance.now()
  const ops = await body()
  const ms = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  return { ops, ms, cpuUs: user + system }
}

/** Calls `step(i)` one after the other, awaiting each, until the time is over; a tenth of it first, unmeasured. */
export async function repeat(step, seconds = SECONDS) {
  let i = 0
  const until = async (deadline) => {
    const first = i
    // The clock is read every 16 calls: it costs about as much as a fast get.
    while (performance.now() < deadline) for (let n = 0; n < 16; n++) await step(i++)
    return i - first
  }
  await until(performance.now() + seconds * 100)
  return measured(() => until(performance.now() + seconds * 1000))
}

/** `clients` loops side by side, each awaiting its own calls; latencies of every call. */
export async function concurrently(clients, step, seconds = SECONDS) {
  const latencies = []
  let i = 0
  const until = async (deadline, keep) => {
    const first = i
    await Promise.all(
      Array.from({ length: clients }, async () => {
        while (performance.now() < deadline) {
          const start = performance.now()
          await step(i++)
          if (keep) latencies.push(performance.now() - start)
        }
      }),
    )
    return i - first
  }
  await until(performance.now() + seconds * 200, false)
  const result = await measured(() => until(performance.now() + seconds * 1000, true))
  latencies.sort((a, b) => a - b)
  const at = (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))]
  return { ...result, p50: at(0.5), p99: at(0.99) }
}

const ROWS_PER_BATCH = 1000

/** Writes rows [0, count) in batches; keys and values come by index. */
export async function load(db, count, keys, values) {
  for (let at = 0; at < count; at += ROWS_PER_BATCH) {
    await db.writeRows(keys, values, at, Math.min(at + ROWS_PER_BATCH, count))
  }
  return count
}
