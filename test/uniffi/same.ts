import * as peer from '@slatedb/uniffi'
import { expect, test } from 'vitest'
import * as drop from '../../src/uniffi/index.ts'
import { type Binding, Log } from './script.ts'

export const theirs: Binding = peer
export const ours = drop as unknown as Binding

export type Programs = Record<string, (slatedb: Binding, log: Log) => Promise<void>>

/** Registers a test per program: what it sees with the official binding, it sees with this one. */
export function sameOn(programs: Programs): void {
  test.each(Object.keys(programs))('%s', async (name) => {
    const expected = new Log(theirs)
    await programs[name]!(theirs, expected)
    const seen = new Log(ours)
    await programs[name]!(ours, seen)
    expect(expected.seen.length).toBeGreaterThan(3)
    expect(seen.seen).toEqual(expected.seen)
  })
}
