// A server of your own, such as Ceph RGW or a cloud: opt-in, because it is not ours to install.
//
//   OWN_S3_ENDPOINT=http://rgw:7480 AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=... OWN_S3_ETAGS=unquoted \
//   npx vitest run --config test/lanes/vitest.config.ts test/lanes/s3/own

import { describe, test } from 'vitest'
import { S3Store } from '../../../src/stores/s3.ts'
import { contract } from '../contract.ts'
import { engineSuite } from '../engine.ts'
import { ownServer } from './servers.ts'

const own = ownServer()
if (own === undefined) {
  test.skip('a server of your own (Ceph RGW): NOT TESTED, set OWN_S3_ENDPOINT', () => {})
} else {
  const { endpoint, region, keys, etagStyle } = own
  const fresh = async () => {
    const bucket = await own.bucket()
    return new S3Store({ bucket, endpoint, region, credentials: keys, etagStyle, allowHttp: true })
  }
  describe(`the server at ${endpoint}`, () => {
    contract('S3Store', async () => ({ store: await fresh() }))
    engineSuite('S3Store', fresh)
  })
}
