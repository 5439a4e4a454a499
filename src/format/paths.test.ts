import { describe, expect, test } from 'vitest'
import { isSlateDBError } from '../errors.ts'
import { initialManifest } from './manifest.ts'
import { normalizeRoot, Paths, padId, tableResolver } from './paths.ts'

const ULID = '01M81T94MX179YPTY251JGQ7AB'
const OTHER = '01M81T965SG1AGD13AMWA7QN7G'

describe('names', () => {
  const paths = new Paths('/a/db/')

  test('as other implementations spell them', () => {
    expect(paths.manifest(1)).toBe('a/db/manifest/00000000000000000001.manifest')
    expect(paths.compactions(42)).toBe('a/db/compactions/00000000000000000042.compactions')
    expect(paths.wal(7)).toBe('a/db/wal/00000000000000000007.sst')
    expect(paths.table(ULID)).toBe(`a/db/compacted/${ULID}.sst`)
    expect(paths.manifestBoundary).toBe('a/db/gc/manifest.boundary')
    expect(paths.compactionsBoundary).toBe('a/db/gc/compactions.boundary')
    expect(paths.deleteMarker).toBe('a/db/.deleting')
    expect(padId(Number.MAX_SAFE_INTEGER)).toBe('00009007199254740991')
  })

  test('a database at the top of its store', () => {
    for (const root of ['', '/']) {
      expect(new Paths(root).manifest(1)).toBe('manifest/00000000000000000001.manifest')
      expect(new Paths(root).prefix).toBe('')
    }
  })

  test('names lead back to ids', () => {
    expect(paths.parseManifest(paths.manifest(12))).toBe(12)
    expect(paths.parseCompactions(paths.compactions(12))).toBe(12)
    expect(paths.parseWal(paths.wal(12))).toBe(12)
    expect(paths.parseTable(paths.table(ULID))).toBe(ULID)
  })

  test.each([
    'a/db/manifest/1.manifest',
    'a/db/manifest/99.manifest',
    'a/db/manifest/000000000000000000001.manifest',
    'a/db/manifest/0000000000000000001x.manifest',
    'a/db/manifest/+0000000000000000001.manifest',
    'a/db/manifest/00000000000000000001.manifest.tmp',
    'a/db/manifest/00000000000000000001.sst',
    'a/db/manifest/00000000000000000001.Manifest',
    'a/db/manifest/x/00000000000000000001.manifest',
    'a/db2/manifest/00000000000000000001.manifest',
    'db/manifest/00000000000000000001.manifest',
    'a/db/manifest/99999999999999999999.manifest',
    'a/db/manifest/',
  ])('%s is a stranger', (name) => {
    expect(paths.parseManifest(name)).toBeUndefined()
  })

  test('an id that is a u64 but no safe integer is an error, not a stranger: peers would count it', () => {
    expect(() => paths.parseManifest('a/db/manifest/18446744073709551615.manifest')).toThrow('2^53')
  })

  test('strangers among tables', () => {
    for (const name of [
      `a/db/compacted/${ULID.toLowerCase()}.sst`,
      `a/db/compacted/${ULID}.tmp`,
      'a/db/compacted/1.sst',
    ]) {
      expect(paths.parseTable(name)).toBeUndefined()
    }
  })
})

describe('roots', () => {
  test.each([
    ['db', 'db'],
    ['/db/', 'db'],
    ['a/b-c/d_e.f/G 9', 'a/b-c/d_e.f/G 9'],
    ['date=2024/db@1+2', 'date=2024/db@1+2'],
    ['..a/b..', '..a/b..'],
    ['', ''],
    ['/', ''],
  ])('%j is %j', (root, normal) => {
    expect(normalizeRoot(root)).toBe(normal)
  })

  test.each([
    '..',
    '.',
    'a/../b',
    './a',
    'a/.',
    '%2e%2e',
    'a%2fb',
    'a//b',
    '//',
    '//a',
    'a//',
    'a\0b',
    'a\nb',
    'tab\t',
    'dél',
    '日本',
    'a\\b',
    'a{b}',
    'a^b',
    'a`b',
    '[a]',
    '"a"',
    '<a>',
    '~a',
    'a#b',
    'a|b',
    'a*',
    'a?b',
    '\x7f',
    'x'.repeat(4096),
  ])('%j is refused by name', (root) => {
    try {
      normalizeRoot(root)
    } catch (error) {
      if (!isSlateDBError(error)) throw error
      expect(error.kind).toBe('Invalid')
      expect(error.code).toBe('SLATEDB_INVALID_PATH')
      expect(error.message).toContain(JSON.stringify(root.slice(0, 10)).slice(0, -1))
      expect(error.message.length).toBeLessThan(400)
      return
    }
    expect.fail('accepted')
  })
})

describe('borrowed tables (OB-3)', () => {
  const external = (path: string, tableIds: string[]) => ({
    path,
    sourceCheckpointId: '803c3d86-8218-445a-8fe1-e81943cf8e17',
    finalCheckpointId: undefined,
    tableIds,
  })
  const paths = new Paths('clone')

  test('live under the path of their database, all others at home', () => {
    const manifest = { ...initialManifest(), externalDbs: [external('/parent', [ULID]), external('gone', [])] }
    const where = tableResolver(paths, manifest)
    expect(where(ULID)).toBe(`parent/compacted/${ULID}.sst`)
    expect(where(OTHER)).toBe(`clone/compacted/${OTHER}.sst`)
    expect(tableResolver(paths, initialManifest())(ULID)).toBe(`clone/compacted/${ULID}.sst`)
  })

  test('a path that leaves the store is damage', () => {
    const manifest = { ...initialManifest(), externalDbs: [external('../secrets', [ULID])] }
    try {
      tableResolver(paths, manifest)
    } catch (error) {
      expect(isSlateDBError(error) && error.kind).toBe('Data')
      return
    }
    expect.fail('accepted')
  })
})
