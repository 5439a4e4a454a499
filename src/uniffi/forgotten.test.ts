import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { whenForgotten } from './forgotten.ts'

test('what a forgotten object held is released, what is in use is not', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const released: string[] = []
  const kept = {}
  whenForgotten(kept, () => released.push('kept'))
  for (let i = 0; i < 100; i++) whenForgotten({ i }, () => released.push('forgotten'))
  for (let turn = 0; turn < 100 && released.length === 0; turn++) {
    collect()
    await setTimeout(1)
  }
  expect(released).toContain('forgotten')
  expect(released).not.toContain('kept')
  expect(kept).toBeDefined()
})
