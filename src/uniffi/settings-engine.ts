// The engine's settings out of a document of the 0.12 line.

import { parseDuration } from '../db/duration.ts'
import { type Settings as EngineSettings, parseSettings } from '../db/settings.ts'
import { findField } from '../db/settings-parse.ts'
import { isSlateDBError } from '../errors.ts'
import { ErrorInvalid } from './errors.ts'
import { onlyOwn } from './settings-document.ts'
import { type Document, type Group, isRecord, SHAPE } from './settings-shape.ts'

/** What is this package's own in a document must be good when it is given, not only when a database is opened. */
export function checkOwn(document: Document): Document {
  engineSettings(onlyOwn(document))
  return document
}

/** The engine's settings. Numbers that it does not take become the nearest that it takes. */
export function toEngine(document: Document): EngineSettings {
  if (document.l0_flush_parallelism === 0) {
    throw new ErrorInvalid('Invalid error: invalid configuration: l0_flush_parallelism must be at least 1')
  }
  const own = new Set(leafPaths(onlyOwn(document), []).map((path) => engineKey(path)))
  const cast = (group: Group, values: Document, path: readonly string[]): Document => {
    const out: Record<string, unknown> = {}
    for (const [key, value] of Object.entries(values)) {
      const at = [...path, key]
      const field = group.fields[key]
      if (field === undefined) out[key] = value
      else if (field.kind === 'group' && isRecord(value)) out[key] = cast(field, value, at)
      else if (!own.has(engineKey(at))) out[key] = within(at, field.kind === 'duration' ? toMs(value) : value)
    }
    return out
  }
  return engineSettings(cast(SHAPE, roomy(document), []))
}

/**
 * The 0.12 line does not count the memtable that is written to against `max_unflushed_bytes`, so there the limit may be
 * below the size of a memtable. The engine counts it, and gets a limit that leaves the same room.
 */
function roomy(document: Document): Document {
  const cache = document.object_store_cache_options as Document
  const size = Math.min(document.l0_sst_size_bytes as number, BOUNDLESS)
  const most = Math.min(document.max_unflushed_bytes as number, BOUNDLESS)
  const part = Math.max(cache.part_size_bytes as number, 1)
  const ttl = document.default_ttl as number | null
  return {
    ...document,
    l0_sst_size_bytes: size,
    max_unflushed_bytes: most > size ? most : most + size + 1,
    // Its cache cuts objects into parts of any size, the engine's into whole KiB.
    object_store_cache_options: { ...cache, part_size_bytes: Math.ceil(part / 1024) * 1024 },
    // Beyond what a timestamp holds a row does not expire.
    default_ttl: ttl !== null && ttl > BOUNDLESS ? null : ttl,
  }
}

/** No size and no age comes near it, and sums of it are exact. */
const BOUNDLESS = 2 ** 50

const toMs = (duration: unknown): unknown => (typeof duration === 'string' ? parseDuration(duration) : duration)

function within(path: readonly string[], value: unknown): unknown {
  const field = findField(path)?.field
  if (typeof value !== 'number' || field === undefined || field.kind === 'group') return value
  return Math.min(Math.max(value, field.min ?? 0), Number.MAX_SAFE_INTEGER)
}

function engineSettings(input: Document): EngineSettings {
  try {
    return parseSettings(input, { unknownKeys: 'ignore' })
  } catch (error) {
    if (isSlateDBError(error)) throw new ErrorInvalid(error.message)
    throw error
  }
}

function leafPaths(document: Document, path: readonly string[]): (readonly string[])[] {
  return Object.entries(document).flatMap(([key, value]) => {
    const at = [...path, key]
    return isRecord(value) && findField(at)?.field.kind === 'group' ? leafPaths(value, at) : [at]
  })
}

/** The engine's name of a setting, by which two spellings are one. */
const engineKey = (path: readonly string[]): string | undefined => findField(path)?.keys.join('.')
