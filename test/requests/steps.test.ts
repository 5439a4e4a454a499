import { expect, test } from 'vitest'
import { simulate } from '../../src/sim/simulate.ts'
import { requestSteps } from './steps.ts'

test('requests of each step; test/lanes/s3/requests.lane.ts compares real servers with them', async () => {
  const { value } = await simulate('request steps', (sim) => requestSteps(sim.store(), sim.env, 'db'))
  expect(value).toMatchInlineSnapshot(`
    {
      "close": [],
      "close the reader": [],
      "close without news": [
        "gc get: 1",
        "manifest put: 1",
      ],
      "cold get": [
        "compacted get_range: 2",
      ],
      "cold get of the reader": [
        "compacted get_range: 2",
      ],
      "cold scan of everything": [
        "compacted get_range: 5",
      ],
      "flush the log": [
        "wal put: 1",
      ],
      "flush the memtable": [
        "compacted put: 1",
        "gc get: 1",
        "manifest put: 1",
      ],
      "get again": [],
      "get and scan what was flushed": [],
      "get of nothing": [],
      "get with metadata": [
        "compacted get_range: 1",
      ],
      "open a reader": [
        "manifest get: 1",
        "manifest list: 1",
        "wal list_with_offset: 1",
      ],
      "open again": [
        "gc get: 1",
        "manifest get: 1",
        "manifest list: 1",
        "manifest list_with_offset: 1",
        "manifest put: 1",
        "wal list: 1",
        "wal put: 1",
      ],
      "open nothing": [
        "gc get: 2",
        "manifest list: 1",
        "manifest list_with_offset: 1",
        "manifest put: 2",
        "wal list: 1",
        "wal put: 1",
      ],
      "put 3,000 rows": [],
      "scan of ten rows": [
        "compacted get_range: 1",
      ],
    }
  `)
})
