// Where a bucket is: Amazon's host names by region and partition, or a server of one's own.

import { invalid } from '../errors.ts'
import { type Endpoint, parseEndpoint } from './endpoint.ts'

/** Amazon's partitions have domains of their own; a region's name tells its partition. */
const PARTITIONS: readonly (readonly [regions: RegExp, domain: string])[] = [
  [/^cn-/, 'amazonaws.com.cn'],
  [/^eusc-/, 'amazonaws.eu'],
  [/^us-iso-/, 'c2s.ic.gov'],
  [/^us-isob-/, 'sc2s.sgov.gov'],
  [/^us-isof-/, 'csp.hci.ic.gov'],
  [/^eu-isoe-/, 'cloud.adc-e.uk'],
]

/** `us-gov-*` and every other region. */
const DOMAIN = 'amazonaws.com'

/** The domain under which Amazon serves a region. */
export function awsDomain(region: string): string {
  return PARTITIONS.find(([regions]) => regions.test(region))?.[1] ?? DOMAIN
}

/** Every domain of Amazon's, for URLs that name one. */
export const AWS_DOMAINS: readonly string[] = [DOMAIN, ...PARTITIONS.map(([, domain]) => domain)]

export interface S3Place {
  readonly bucket: string
  readonly region: string
  readonly endpoint?: string | undefined
  readonly virtualHostedStyle?: boolean | undefined
  readonly allowHttp?: boolean | undefined
}

export function s3Endpoint({ bucket, region, endpoint, virtualHostedStyle, allowHttp = false }: S3Place): Endpoint {
  // It becomes a part of the host name, and of what is signed.
  if (!/^[\w-]+$/.test(region)) throw invalid('REGION', 'the region must be a plain name such as eu-west-1')
  if (endpoint === undefined) {
    // A dot in the bucket's name would not match the certificate of the host.
    const virtual = virtualHostedStyle ?? !bucket.includes('.')
    const host = `s3.${region}.${awsDomain(region)}`
    const url = virtual ? `https://${bucket}.${host}` : `https://${host}/${bucket}`
    return parseEndpoint('the region', url, allowHttp)
  }
  const parsed = parseEndpoint('the endpoint', endpoint, allowHttp)
  if (!virtualHostedStyle) return { ...parsed, basePath: `${parsed.basePath}/${bucket}` }
  if (parsed.host.startsWith(`${bucket}.`)) return parsed
  const host = `${bucket}.${parsed.host}`
  return { ...parsed, host, origin: `${parsed.scheme}://${host}` }
}
