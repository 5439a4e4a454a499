// Prefix extractors under one name, for `filterPolicies: [{ bloom: 10, prefix: prefix.delimiter(':') }]`.

import { delimiterPrefix, fixedPrefix } from '../filter/prefix-extractor.ts'

/** Where the part of a key ends that groups it. */
export const prefix = { fixed: fixedPrefix, delimiter: delimiterPrefix } as const
