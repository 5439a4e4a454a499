import { describe, expect, test } from 'vitest'
import { sleep } from '../env/env.ts'
import { retrying } from '../objects/retrying.ts'
import { SimClock } from './clock.ts'
import { everyCrash } from './crashes.ts'
import { measureDepth } from './depth.ts'
import { type Sim, simulate } from './simulate.ts'

const text = (words: string) => new TextEncoder().encode(words)

describe('SimClock', () => {
  test('runs timers in the order of their due times, then of their setting', async () => {
    const clock = new SimClock()
    const ran: string[] = []
    clock.schedule(5, () => ran.push('b'))
    clock.schedule(5, () => ran.push('c'))
    clock.schedule(1, () => ran.push('a'))
    const cancel = clock.schedule(2, () => ran.push('never'))
    cancel()
    clock.schedule(50, () => ran.push('later'))
    await clock.advance(10)
    expect(ran).toEqual(['a', 'b', 'c'])
    expect(clock.monotonic()).toBe(10)
    expect(clock.pending().map((timer) => timer.dueMs)).toEqual([50])
  })

  test('lets promises settle between two timers of one instant', async () => {
    const clock = new SimClock()
    const ran: string[] = []
    clock.schedule(1, () => void deep(20).then(() => ran.push('promise')))
    clock.schedule(1, () => ran.push('second timer'))
    await clock.advance(1)
    expect(ran).toEqual(['promise', 'second timer'])
  })

  test('keeps its order over many timers, a third of them cancelled', async () => {
    const clock = new SimClock()
    const ran: number[] = []
    for (let i = 0; i < 6000; i++) {
      const due = (i * 7919) % 1009
      const cancel = clock.schedule(due, () => ran.push(due))
      if (i % 3 === 0) cancel()
    }
    while (clock.runNext());
    expect(ran).toEqual([...ran].sort((a, b) => a - b))
    expect(ran.length).toBe(4000)
  })

  test('drive says so when what is waited for can never come', async () => {
    await expect(new SimClock().drive(new Promise(() => {}))).rejects.toThrow('nothing is left to happen')
  })
})

/** Several writers and a reader under faults: enough going on for two runs to differ when anything is not seeded. */
async function busy(sim: Sim): Promise<string> {
  const worker = async (name: string) => {
    const process = sim.process(name)
    const store = retrying(process.store({ faults: 0.2, latencyMs: [1, 80] }), process.env)
    for (let i = 0; i < 20; i++) {
      const path = `db/${process.env.random.int(0, 9)}`
      if (process.env.random.chance(0.5)) await store.put(path, process.env.random.bytes(50), { mode: 'overwrite' })
      else await store.put(path, text(name), { mode: 'create' }).catch(() => {})
      await store.list('db/')
    }
  }
  await Promise.all(['a', 'b', 'c'].map(worker))
  return (await sim.bucket().list('')).map((info) => info.path).join()
}

describe('simulate', () => {
  test('a seed replays a run to the last line, and another seed runs otherwise', async () => {
    const first = await simulate(11, busy)
    const second = await simulate(11, busy)
    const other = await simulate(12, busy)
    expect(second).toEqual(first)
    expect(other.hash).not.toBe(first.hash)
    expect(first.requests.length).toBeGreaterThan(120)
    expect(Object.keys(first.faults).length).toBeGreaterThan(4)
  })

  test('with latencies of one unit, elapsed time is the number of calls that wait for each other', async () => {
    const { elapsedMs, requests } = await simulate(1, async (sim) => {
      const store = sim.store({ latencyMs: [1, 1] })
      await store.put('a', text('x'), { mode: 'create' })
      await Promise.all([store.get('a'), store.head('a'), store.list('')])
      await store.delete('a')
    })
    expect(elapsedMs).toBe(3)
    expect(requests.length).toBe(5)
  })

  test('a failure carries the seed, the time and the trace', async () => {
    const run = simulate(77, async (sim) => {
      await sim.store().put('a/b', text('x'), { mode: 'create' })
      throw new Error('boom')
    })
    await expect(run).rejects.toThrow(/seed 77 failed: boom \(virtual time .*put a\/b/s)
    await expect(run).rejects.toMatchObject({ cause: { message: 'boom' } })
  })

  test('a run that cannot go on is stuck, and names what waits', async () => {
    const run = simulate(5, (sim) => sim.track('the writer', new Promise(() => {})))
    await expect(run).rejects.toThrow(/seed 5 is stuck: nothing is left to happen.*the writer/s)
  })

  test('a run that only ever polls is stuck at the time limit, and names the timer', async () => {
    const poll = (sim: Sim): void => void sim.env.clock.schedule(1000, () => poll(sim), { idle: true, label: 'poller' })
    const run = simulate(
      6,
      (sim) => {
        poll(sim)
        return new Promise(() => {})
      },
      { maxMs: 60_000 },
    )
    await expect(run).rejects.toThrow(/has not ended after 60000 ms.*main: poller \(idle\)/s)
  })

  test('a run that spins is stuck at the event limit', async () => {
    const spin = async (sim: Sim) => {
      for (;;) await sim.env.clock.yield()
    }
    await expect(simulate(6, spin, { maxEvents: 500 })).rejects.toThrow('has not ended after 500 events')
  })

  test('a rejected promise that nobody looks at fails the run', async () => {
    // The test framework listens too and would fail this test for what it provokes.
    const others = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection')
    try {
      const run = simulate(9, async (sim) => {
        void Promise.reject(new Error('forgotten'))
        await sim.sleep(5)
      })
      await expect(run).rejects.toThrow('seed 9 left a promise rejected: forgotten')
    } finally {
      for (const listener of others) process.on('unhandledRejection', listener)
    }
  })

  test('a killed process does nothing more, and what it had sent may still arrive', async () => {
    let arrived = 0
    for (let seed = 0; seed < 20; seed++) {
      const { value } = await simulate(seed, async (sim) => {
        const victim = sim.process('victim')
        const store = victim.store({ latencyMs: [10, 10] })
        let heard = false
        const work = store.put('a', text('x'), { mode: 'create' }).then(() => {
          heard = true
        })
        victim.env.clock.schedule(50, () => {
          heard = true
        })
        void work
        await sim.sleep(1)
        victim.kill()
        await victim.dead
        await sim.sleep(1000)
        expect(heard).toBe(false)
        return (await sim.bucket().list('')).length
      })
      arrived += value
    }
    expect(arrived).toBeGreaterThan(0)
    expect(arrived).toBeLessThan(20)
  })

  test('a frozen process goes on where it stopped', async () => {
    await simulate(3, async (sim) => {
      const sleeper = sim.process('sleeper', { skewMs: -5000 })
      expect(sleeper.env.clock.now()).toBe(sim.clock.now() - 5000)
      let wokeAt = 0
      void sleep(sleeper.env.clock, 10).then(() => {
        wokeAt = sim.clock.monotonic()
      })
      sleeper.freeze()
      await sim.sleep(500)
      expect(wokeAt).toBe(0)
      sleeper.thaw()
      await sim.sleep(1)
      expect(wokeAt).toBe(500)
    })
  })

  test.each(['before', 'after'] as const)('a crash point kills %s the effect of its call', async (when) => {
    await simulate(4, async (sim) => {
      const victim = sim.process('victim')
      const store = victim.store()
      store.crashAt(2, when)
      const work = (async () => {
        await store.put('1', text('x'), { mode: 'create' })
        await store.put('2', text('x'), { mode: 'create' })
        await store.put('3', text('x'), { mode: 'create' })
      })()
      void work
      await victim.dead
      await sim.sleep(1000)
      const names = (await sim.bucket().list('')).map((info) => info.path)
      expect(names).toEqual(when === 'before' ? ['1'] : ['1', '2'])
    })
  })

  test('an outage fails every call until it is over', async () => {
    await simulate(8, async (sim) => {
      const store = sim.store({ latencyMs: [1, 1] })
      sim.world.outage(100)
      await expect(store.list('')).rejects.toThrow('503')
      await sim.sleep(100)
      expect(await store.list('')).toEqual([])
    })
  })

  test('each fault does what its name says', async () => {
    await simulate(10, async (sim) => {
      const store = sim.store({ latencyMs: [1, 2], timeoutMs: 500 })
      const put = (path: string) => store.put(path, text('0123456789'), { mode: 'create' })
      const there = async (path: string) => (await sim.bucket().list(path)).length === 1

      for (const kind of ['reset', 'unavailable', 'timeout'] as const) {
        store.inject(kind)
        await expect(put(kind)).rejects.toMatchObject({ storeReason: 'Generic' })
        await sim.sleep(1000)
        expect(await there(kind)).toBe(false)
      }
      store.inject('lost')
      await expect(put('lost')).rejects.toMatchObject({ storeReason: 'Generic' })
      expect(await there('lost')).toBe(true)

      store.inject('late')
      await expect(put('late')).rejects.toMatchObject({ storeReason: 'Generic' })
      await sim.sleep(1000)
      expect(await there('late')).toBe(true)

      store.inject('duplicate')
      await expect(put('duplicate')).rejects.toMatchObject({ storeReason: 'AlreadyExists' })

      store.inject('short')
      const short = await store.get('lost')
      expect(short.bytes.length).toBeLessThan(short.size)

      store.inject('falseMissing')
      await expect(store.head('lost')).rejects.toMatchObject({ storeReason: 'NotFound' })

      await put('newest')
      store.inject('staleList')
      expect((await store.list('')).map((info) => info.path)).not.toContain('newest')

      store.inject('slow')
      const before = sim.clock.monotonic()
      await store.list('')
      expect(sim.clock.monotonic() - before).toBeGreaterThanOrEqual(50)
    })
  })

  test('a slow link takes its time with bodies', async () => {
    await simulate(2, async (sim) => {
      const store = sim.store({ latencyMs: [1, 1], bytesPerMs: 1 })
      await store.put('a', new Uint8Array(1000), { mode: 'create' })
      expect(sim.clock.monotonic()).toBe(1001)
      await store.get('a')
      expect(sim.clock.monotonic()).toBe(2002)
    })
  })
})

describe('everyCrash', () => {
  /** Moves an object by copy and delete; crash-safe as long as the copy comes first. */
  const move = (steps: readonly string[]) =>
    everyCrash(3, async (sim, arm) => {
      await sim.bucket().put('from', text('x'), { mode: 'create' })
      const victim = sim.process('victim')
      const store = victim.store()
      arm(store)
      const work = async () => {
        for (const step of steps) await (step === 'copy' ? store.copy('from', 'to') : store.delete('from'))
      }
      await Promise.race([work(), victim.dead])
      await sim.sleep(100)
      if ((await sim.bucket().list('')).length === 0) throw new Error('the object is lost')
    })

  test('visits both sides of every call', async () => {
    expect(await move(['copy', 'delete'])).toBe(4)
  })

  test('names the crash point that breaks what must hold', async () => {
    await expect(move(['copy', 'delete', 'delete'])).resolves.toBe(6)
    const wrong = everyCrash(3, async (sim, arm) => {
      const victim = sim.process('victim')
      const store = victim.store()
      arm(store)
      const work = async () => {
        await store.put('a', text('x'), { mode: 'create' })
        await store.put('b', text('x'), { mode: 'create' })
      }
      await Promise.race([work(), victim.dead])
      await sim.sleep(100)
      if ((await sim.bucket().list('')).length === 1) throw new Error('half done')
    })
    await expect(wrong).rejects.toThrow('[seed 3, crash after call 1] simulation with seed 3 failed: half done')
  })
})

test('measureDepth counts calls that wait for each other', async () => {
  const { depth, requests } = await measureDepth(
    async (sim, store) => {
      await sim.bucket().put('a', text('x'), { mode: 'create' })
      await store.list('')
      await Promise.all([store.get('a'), store.head('a').then(() => store.delete('a'))])
      await sleep(sim.env.clock, 100)
    },
    { unitMs: 1000 },
  )
  expect([depth, requests.length]).toEqual([3, 4])
})

async function deep(levels: number): Promise<void> {
  if (levels > 0) await deep(levels - 1)
}
