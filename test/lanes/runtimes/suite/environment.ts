// What the package takes from the runtime: the conditions of its package.json, time, randomness.

import { host } from '#host'
import { native } from '#native'
import { createEnv, SlateDB } from '../../../../src/index.ts'
import { simulate } from '../../../../src/sim/index.ts'
import { check, failsAs, same } from './expect.ts'
import { type Checks, PLANTED, type World } from './world.ts'

export function environmentChecks(world: World): Checks {
  return new Map([
    ['#native and #host are those of this runtime', async () => conditions(world)],
    ['a file: location opens where there is a file system, and is a typed error elsewhere', () => files(world)],
    ['time passes, timers fire and can be called off, yielding lets others run', time],
    ['random numbers differ, and those of a seed do not', async () => randomness()],
    ['a rejection that nobody looked at fails a simulation', forgottenRejection],
  ])
}

function conditions({ kind, note }: World): void {
  const natives = Object.keys(native).sort()
  note('native', natives.join(' ') || 'nothing')
  if (kind === 'process') {
    check(natives.includes('deflate') && natives.includes('inflate'), `node:zlib as #native: ${natives}`)
    same(host.variables().PATH, process.env.PATH, 'a variable of #host')
    const bytes = new TextEncoder().encode('123456789')
    if (native.crc32 !== undefined) same(native.crc32(bytes), 0xcbf43926, 'the check value of CRC-32')
  } else {
    same(natives, [], 'members of #native')
    same(host.variables(), {}, 'the environment of #host')
  }
}

async function files({ folder }: World): Promise<void> {
  if (folder === undefined) {
    const error = await failsAs('Invalid', SlateDB.open('file:./data/app'), 'open of a folder')
    same(error.code, 'SLATEDB_NO_FILE_SYSTEM', 'why')
    return
  }
  const db = await SlateDB.open(`file:${folder}/located`, { valueEncoding: 'utf8' })
  await db.put('a', '1')
  await db.close()
  const reader = await SlateDB.openReader(`file:${folder}/located`, { valueEncoding: 'utf8' })
  same(await reader.get('a'), '1', 'what the reader sees')
  await reader.close()
}

async function time(): Promise<void> {
  const { clock } = createEnv()
  check(Math.abs(clock.now() - Date.now()) < 1000, 'the wall clock')
  let calledOff = true
  clock.schedule(10, () => (calledOff = false))()
  const start = clock.monotonic()
  await new Promise<void>((resolve) => clock.schedule(30, resolve))
  // Workers stand still between two answers from outside, and browsers round.
  check(clock.monotonic() - start >= 0, 'a clock that does not run backwards')
  check(calledOff, 'a timer that was called off to stay silent')
  let others = false
  const other = new Promise<void>((resolve) =>
    setTimeout(() => {
      others = true
      resolve()
    }, 0),
  )
  for (let i = 0; i < 10_000 && !others; i++) await clock.yield()
  check(others, 'a timer to fire while somebody yields')
  await other
}

function randomness(): void {
  const [a, b] = [createEnv().random, createEnv().random]
  check(a.u32() !== b.u32() || a.u32() !== b.u32(), 'two sources to differ')
  const [c, d] = [createEnv({ seed: 'x' }).random, createEnv({ seed: 'x' }).random]
  same([c.u32(), c.float(), c.bytes(9)], [d.u32(), d.float(), d.bytes(9)], 'two sources of one seed')
}

async function forgottenRejection(): Promise<void> {
  const run = simulate(1, async (sim) => {
    Promise.reject(new Error(PLANTED))
    await sim.sleep(5)
    await sim.sleep(5)
  })
  const error = await failsAs('Internal', run, 'the simulation')
  check(error.message.includes(PLANTED), `a message with the rejection: ${error.message}`)
}
