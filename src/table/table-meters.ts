// What reading tables counts.

import type { Env } from '../env/env.ts'
import type { Meter } from '../env/metrics.ts'

interface FilterMeters {
  readonly positive: Meter
  readonly negative: Meter
  readonly falsePositive: Meter
}

export interface TableMeters {
  readonly point: FilterMeters
  readonly prefix: FilterMeters
  readonly indexHit: Meter
  readonly indexMiss: Meter
  readonly blockHit: Meter
  readonly blockMiss: Meter
}

/** Index and filters come together, so they count as one access, of kind `index`. */
export function tableMeters({ metrics }: Env): TableMeters {
  const filter = (kind: string): FilterMeters => ({
    positive: metrics.counter('slatedb.db.sst_filter_positive_count', { kind }),
    negative: metrics.counter('slatedb.db.sst_filter_negative_count', { kind }),
    falsePositive: metrics.counter('slatedb.db.sst_filter_false_positive_count', { kind }),
  })
  const access = (entry_kind: string, result: string): Meter =>
    metrics.counter('slatedb.db_cache.access_count', { entry_kind, result })
  return {
    point: filter('point'),
    prefix: filter('prefix'),
    indexHit: access('index', 'hit'),
    indexMiss: access('index', 'miss'),
    blockHit: access('data_block', 'hit'),
    blockMiss: access('data_block', 'miss'),
  }
}
