// Not sampled but enumerated: a crash at every single store call of the workload, before and after the store did it; the
// answer of every call lost; and a second crash at every call of the recovery from the first.

import { describe, expect, test } from 'vitest'
import { type Sim, simulate } from '../../src/sim/simulate.ts'
import { checkBucket } from '../model/bucket-invariants.ts'
import { VARIANTS, type Variant, Workload } from './workload.ts'

const LATENCY = { latencyMs: [1, 1] } as const

async function callsOf(variant: Variant): Promise<number> {
  let calls = 0
  await simulate('count', async (sim) => {
    const process = sim.process('writer')
    const store = process.store(LATENCY)
    const workload = new Workload(sim, variant)
    await workload.run(process, store)
    calls = store.calls
    expect(await workload.verify('reader')).toBeUndefined()
  })
  return calls
}

/** Lets the workload run until its process is dead. */
async function runToCrash(sim: Sim, workload: Workload, call: number, when: 'before' | 'after'): Promise<void> {
  const process = sim.process('writer')
  const store = process.store(LATENCY)
  store.crashAt(call, when)
  const ran = workload.run(process, store).then(() => 'ended')
  const how = await Promise.race([process.dead, ran])
  expect(how, `call ${call} was never made`).toBeUndefined()
  await sim.sleep(100)
}

describe.each(VARIANTS)('$name', (variant) => {
  test.each(['before', 'after'] as const)('a crash %s every store call loses nothing acknowledged', async (when) => {
    const calls = await callsOf(variant)
    expect(calls).toBeGreaterThan(30)
    for (let call = 1; call <= calls; call++) {
      await simulate(`${when} ${call}`, async (sim) => {
        const workload = new Workload(sim, variant)
        await runToCrash(sim, workload, call, when)
        expect(await workload.verify('successor'), `crash ${when} call ${call}`).toBeUndefined()
        await checkBucket(sim.bucket(), 'db')
      })
    }
  })

  test('the answer of any one store call may get lost', async () => {
    const calls = await callsOf(variant)
    for (let call = 1; call <= calls; call++) {
      await simulate(`lost ${call}`, async (sim) => {
        const process = sim.process('writer')
        const store = process.store({ ...LATENCY, timeoutMs: 100 })
        let made = 0
        store.inject('lost', () => ++made === call)
        const workload = new Workload(sim, variant)
        await workload.run(process, store)
        expect(sim.world.faults.lost, `call ${call}`).toBe(1)
        expect(await workload.verify('successor'), `answer to call ${call} lost`).toBeUndefined()
        await checkBucket(sim.bucket(), 'db')
      })
    }
  })

  test('a crash at every store call of every third recovery', async () => {
    const calls = await callsOf(variant)
    for (let call = 3; call <= calls; call += 3) {
      for (const when of ['before', 'after'] as const) {
        for (let second = 1, crashed = true; crashed; second++) {
          crashed = false
          await simulate(`${call}, then ${when} ${second}`, async (sim) => {
            const workload = new Workload(sim, variant)
            await runToCrash(sim, workload, call, 'after')
            const process = sim.process('first successor')
            const store = process.store(LATENCY)
            store.crashAt(second, when)
            const opened = workload.open(process, store).then((db) => db.close({ flush: false }))
            await Promise.race([process.dead, opened])
            crashed = process.isDead
            await sim.sleep(100)
            const wrong = await workload.verify('second successor')
            expect(wrong, `crash after call ${call}, then ${when} call ${second} of the recovery`).toBeUndefined()
            await checkBucket(sim.bucket(), 'db')
          })
        }
      }
    }
  })
})
