// What requests and storage cost, so that benchmarks can print dollars beside milliseconds.

import type { RequestApi, RequestCounts } from './request-counts.ts'

export interface PriceTable {
  readonly name: string
  /** Dollars per 1,000 writes and listings (class A). */
  readonly writesPer1000: number
  /** Dollars per 1,000 reads (class B). */
  readonly readsPer1000: number
  /** Dollars per GB (10^9 bytes) stored for a month. */
  readonly storagePerGbMonth: number
}

/** S3 Standard, us-east-1, first tier; traffic inside a region is free. */
export const S3_STANDARD: PriceTable = {
  name: 'S3 Standard',
  writesPer1000: 0.005,
  readsPer1000: 0.0004,
  storagePerGbMonth: 0.023,
}

const MONTH_MS = 30 * 24 * 3600 * 1000

const CLASS_OF: Record<RequestApi, 'write' | 'read' | 'free'> = {
  put: 'write',
  copy: 'write',
  list: 'write',
  list_with_offset: 'write',
  multipart_init: 'write',
  multipart_part: 'write',
  multipart_complete: 'write',
  get: 'read',
  get_range: 'read',
  head: 'read',
  delete: 'free',
  multipart_abort: 'free',
}

/** What these requests cost. Failed ones are billed as well, except those a server turned away with a 5xx. */
export function dollars(counts: RequestCounts, prices: PriceTable = S3_STANDARD): number {
  let sum = 0
  for (const { api, requests } of counts.rows()) {
    if (CLASS_OF[api] === 'write') sum += (requests / 1000) * prices.writesPer1000
    if (CLASS_OF[api] === 'read') sum += (requests / 1000) * prices.readsPer1000
  }
  return sum
}

/** What a month costs that goes on as the `elapsedMs` in which `counts` were made. */
export function dollarsPerMonth(
  counts: RequestCounts,
  elapsedMs: number,
  options: { prices?: PriceTable; storedBytes?: number } = {},
): number {
  const { prices = S3_STANDARD, storedBytes = 0 } = options
  const storage = (storedBytes / 1e9) * prices.storagePerGbMonth
  return elapsedMs > 0 ? dollars(counts, prices) * (MONTH_MS / elapsedMs) + storage : storage
}
