import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkPlaces, commandEnvironment } from './environment.ts'

describe('the .env of the current folder', () => {
  const home = process.cwd()
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'slatedb-dotenv-'))
    process.chdir(folder)
  })
  afterEach(() => {
    process.chdir(home)
    rmSync(folder, { recursive: true })
  })
  const write = (text: string) => writeFileSync(join(folder, '.env'), text)

  test('gives what the process does not have, and its names are known', () => {
    write('SLATEDB_LOCATION=s3://b/x\nAWS_REGION=a\nUNRELATED=1\n')
    const { env, taken } = commandEnvironment(undefined, { AWS_REGION: 'mine' })
    expect(env).toMatchObject({ SLATEDB_LOCATION: 's3://b/x', AWS_REGION: 'mine', UNRELATED: '1' })
    expect(taken).toEqual(['SLATEDB_LOCATION'])
  })

  test.each([
    ['AWS_ENDPOINT=http://evil', 's3://b/x'],
    ['AWS_ENDPOINT_URL_S3=http://evil', 's3://b/x'],
    ['AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1/x', 's3://b/x'],
    ['AZURE_STORAGE_ENDPOINT=http://evil', 'az://c/x'],
    ['GOOGLE_BASE_URL=http://evil', 'gs://b/x'],
  ])('%s is refused for %s when the credentials come from elsewhere', (line, url) => {
    write(`${line}\nAWS_REGION=r\n`)
    const found = commandEnvironment(undefined, { AWS_SECRET_ACCESS_KEY: 'mine' })
    expect(Object.keys(found.env).filter((name) => line.startsWith(name))).toEqual([])
    expect(() => checkPlaces(url, found)).toThrow(/the \.env of this folder sets .*--env \.env/)
    expect(() => checkPlaces('file:./data', found)).not.toThrow()
  })

  test('an endpoint with credentials of its own is taken, unless those of the process would win', () => {
    write('AWS_ENDPOINT=http://minio\nAWS_ACCESS_KEY_ID=a\nAWS_SECRET_ACCESS_KEY=b\n')
    const own = commandEnvironment(undefined, {})
    expect(own.env.AWS_ENDPOINT).toBe('http://minio')
    expect(() => checkPlaces('s3://b/x', own)).not.toThrow()
    const mixed = commandEnvironment(undefined, { AWS_SECRET_ACCESS_KEY: 'mine' })
    expect(mixed.env.AWS_ENDPOINT).toBeUndefined()
    expect(() => checkPlaces('s3://b/x', mixed)).toThrow(/AWS_ENDPOINT/)
  })

  test('a file that was named is trusted', () => {
    write('AWS_ENDPOINT=http://minio\n')
    const named = commandEnvironment('.env', { AWS_SECRET_ACCESS_KEY: 'mine' })
    expect(named.env.AWS_ENDPOINT).toBe('http://minio')
    expect(() => checkPlaces('s3://b/x', named)).not.toThrow()
  })
})
