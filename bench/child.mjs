// One measurement in a process of its own: `child.mjs <engine> <workload> <variant>` prints its result as JSON.

const [engineName, workloadName, variant] = process.argv.slice(2)
const workload = await import(`./workloads/${workloadName}.mjs`)
const result = await workload.run(() => import(`./engines/${engineName}.mjs`), variant, engineName)
process.stdout.write(`${JSON.stringify(result)}\n`)
// Engines may keep timers or native threads; what was measured is out.
process.exit(0)
