// The benchmark's table, on the terminal and as docs/benchmarks.md.

import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'

const ROOT = new URL('../', import.meta.url)
const count = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** One line per workload: medians, the spread of ours, the ratio and what it should reach. */
function lines({ cases }) {
  return cases.map((each) => {
    const ours = each.results.ours
    const peer = each.results.peer
    const value = (result) => (each.show === 'rate' ? (result.ops / result.ms) * 1000 : result[each.show])
    const a = median(ours.map(value))
    const b = median(peer.map(value))
    const better = each.show === 'rate' ? a / b : b / a
    return {
      what: each.variant === '' ? each.title : `${each.title}: ${each.variant}`,
      ours: ours.length === 0 ? `failed: ${each.errors.ours}` : text(a, each),
      spread: ours.length < 2 ? '' : `±${spread(ours.map(value)).toFixed(0)}%`,
      peer: peer.length === 0 ? (each.errors.peer === undefined ? '' : 'failed') : text(b, each),
      ratio: Number.isFinite(better) ? `${better.toFixed(better < 10 ? 1 : 0)}x` : '',
      target: [each.about.target && `${each.about.target}x`, each.about.limit && `<= ${each.about.limit}`]
        .filter(Boolean)
        .join(', '),
      cpu: ours.length === 0 ? '' : median(ours.map((r) => r.cpuUs / r.ops)).toFixed(2),
      p99:
        ours[0]?.p99 === undefined
          ? ''
          : `${median(ours.map((r) => r.p99)).toFixed(1)} / ${peer[0] ? median(peer.map((r) => r.p99)).toFixed(1) : '?'}`,
    }
  })
}

const HEAD = {
  what: 'workload',
  ours: 'slatedb-ts',
  spread: 'spread',
  peer: '@slatedb/uniffi',
  ratio: 'ratio',
  target: 'aim',
  cpu: 'CPU us/op',
  p99: 'p99 ms (ours / theirs)',
}

function text(value, { show, unit }) {
  if (show === 'ms') return `${value.toFixed(1)} ms`
  if (show === 'bytesPerRow') return `${count.format(value)} B/row`
  return `${count.format(value)} ${unit}/s`
}

export function printReport(report) {
  const rows = [HEAD, ...lines(report)]
  const columns = Object.keys(HEAD)
  const widths = columns.map((column) => Math.max(...rows.map((row) => row[column].length)))
  const out = rows.map((row) =>
    columns
      .map((column, i) => row[column].padEnd(widths[i]))
      .join('  ')
      .trimEnd(),
  )
  process.stdout.write(`${environment(report).join('\n')}\n\n${out.join('\n')}\n`)
  if (report.trips.length > 0) {
    process.stdout.write('\nrequests and round trips that wait for each other (slatedb-ts)\n')
    for (const { what, requests, depth } of report.trips) {
      process.stdout.write(`  ${what.padEnd(36)} ${String(requests).padStart(3)} requests, depth ${depth}\n`)
    }
  }
}

/** docs/benchmarks.md: the same table, with where and how it was measured. */
export function writeReport(report) {
  const columns = Object.keys(HEAD)
  const row = (cells) => `| ${columns.map((column) => cells[column].replaceAll('|', '\\|')).join(' | ')} |`
  const parts = [
    '# Benchmarks',
    '',
    'Written by `npm run bench -- --write`. Both engines run in the same minute on the same machine, each measurement in a',
    'process of its own, taking turns; numbers are medians, the spread is half the range of ours. Memory store, 16-byte keys,',
    "100-byte values, `await` on every call, the original's defaults (log on, 10 filter bits per key, 4 KiB blocks, no",
    'compression). Ratios are firm, absolute numbers move with the machine. The original is Rust behind its official Node',
    'binding: the ratios say what JavaScript gets from each package, not which language is faster.',
    '',
    ...environment(report).map((line) => `- ${line}`),
    '',
    row(HEAD),
    `|${columns.map(() => '---').join('|')}|`,
    ...lines(report).map(row),
    '',
    '"aim" is the ratio, or the limit, that the project set itself. The original loads 100,000 rows where we load a million:',
    'its rate does not depend on it, its patience with the clock does.',
    '',
  ]
  if (report.trips.length > 0) {
    parts.push(
      '## Requests and round trips',
      '',
      'On the simulated store, so the same on every machine. Depth is the number of requests that had to wait for one another: what a slow store multiplies.',
      '',
      '| what | requests | depth |',
      '|---|---|---|',
      ...report.trips.map(({ what, requests, depth }) => `| ${what} | ${requests} | ${depth} |`),
      '',
    )
  }
  const file = new URL('docs/benchmarks.md', ROOT)
  writeFileSync(file, `${parts.join('\n')}${writtenByHand(file)}`)
}

/** The section that other benchmarks than this one fill. */
function writtenByHand(file) {
  const before = readFileSync(file, 'utf8')
  const at = before.indexOf('\n## On object stores')
  return at < 0 ? '' : before.slice(at)
}

function environment(report) {
  const version = (path) => JSON.parse(readFileSync(new URL(path, ROOT), 'utf8')).version
  const runs = Math.max(...report.cases.map((each) => each.results.ours.length))
  return [
    `${cpus().length} x ${cpus()[0].model.trim()}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.version}`,
    `slatedb-ts ${version('package.json')}, @slatedb/uniffi ${version('node_modules/@slatedb/uniffi/package.json')}`,
    `${runs} runs of ${report.seconds} s per engine and workload, ${(report.totalMs / 60_000).toFixed(1)} minutes in all`,
    `load average ${loadavg()[1].toFixed(1)} on ${cpus().length} cores over the last five minutes; the benchmark itself makes about 1`,
  ]
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Half the range, in percent of the median. */
function spread(values) {
  return ((Math.max(...values) - Math.min(...values)) / 2 / median(values)) * 100
}
