import { describe, expect, test } from 'vitest'
import { closedError, conflict, dataError, internal, invalid, storeError, unavailable } from '../errors.ts'
import { Interrupted } from '../node/process.ts'
import { explain } from './exit-codes.ts'

describe('exit codes', () => {
  test.each([
    ['Invalid', invalid('X', 'm'), 2],
    ['Transaction', conflict('m'), 4],
    ['Closed', closedError('Fenced'), 5],
    ['Unavailable', unavailable('X', 'm'), 6],
    ['Data', dataError('X', 'm'), 7],
    ['Internal', internal('X', 'm'), 1],
    ['Interrupted', new Interrupted('SIGINT'), 130],
    ['Internal', new TypeError('oops'), 1],
  ])('%s', (kind, error, exitCode) => {
    expect(explain(error)).toMatchObject({ kind, exitCode })
  })

  test('a cause of ours is named, one that repeats the message is not', () => {
    const cause = storeError('PermissionDenied', 'a/b', 'access denied')
    expect(explain(unavailable('X', 'opening failed', { cause })).message).toBe(
      'opening failed (object "a/b": access denied)',
    )
    expect(explain(unavailable('X', `opening failed: ${cause.message}`, { cause })).message).not.toContain('(object')
  })
})
