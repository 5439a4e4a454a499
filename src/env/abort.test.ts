import { describe, expect, test } from 'vitest'
import { abortable, onAbort } from './abort.ts'
import { sleep } from './env.ts'
import { systemClock } from './system.ts'

/** A signal that counts its listeners. */
function counted() {
  const controller = new AbortController()
  const { signal } = controller
  let listeners = 0
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++
    add(...args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--
    remove(...args)
  }
  return { controller, signal, listeners: () => listeners }
}

describe('waiting under a signal', () => {
  test('many calls under one signal share a listener, and all end with its reason', async () => {
    const { controller, signal, listeners } = counted()
    const waits = [
      ...Array.from({ length: 50 }, () => abortable(new Promise(() => {}), signal)),
      ...Array.from({ length: 50 }, () => sleep(systemClock, 1e9, { signal, idle: true })),
    ]
    expect(listeners()).toBe(1)
    const reason = new Error('enough')
    controller.abort(reason)
    expect(await Promise.all(waits.map((wait) => wait.catch((error: unknown) => error)))).toEqual(
      Array(100).fill(reason),
    )
  })

  test('the listener goes with the last call that waits', async () => {
    const { signal, listeners } = counted()
    await Promise.all(Array.from({ length: 20 }, (_, i) => abortable(Promise.resolve(i), signal)))
    expect(listeners()).toBe(0)
    expect(await abortable(Promise.resolve('again'), signal)).toBe('again')
    expect(listeners()).toBe(0)
  })

  test('a callback that is forgotten while the signal fires is not called', () => {
    const controller = new AbortController()
    const called: string[] = []
    const forgets: (() => void)[] = []
    onAbort(controller.signal, () => {
      called.push('first')
      for (const forget of forgets) forget()
    })
    forgets.push(onAbort(controller.signal, () => called.push('second')))
    controller.abort()
    expect(called).toEqual(['first'])
  })

  test('a failure behind a signal that has fired already is no unhandled rejection', async () => {
    const reason = new Error('over')
    await expect(abortable(Promise.reject(new Error('late')), AbortSignal.abort(reason))).rejects.toBe(reason)
  })
})
