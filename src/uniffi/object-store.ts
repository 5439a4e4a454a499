// Object stores by URL or by environment, as the official binding names them.

import { host } from '#host'
import { systemClock } from '../env/system.ts'
import { isSlateDBError } from '../errors.ts'
import { MemoryStore } from '../objects/memory-store.ts'
import type { ObjectStore as EngineStore } from '../objects/store.ts'
import { type OpenedStore, resolveStore, storeFromEnvironment } from '../stores/open-store.ts'
import { ErrorInvalid, ErrorUnavailable, runSync } from './errors.ts'
import { UniffiObjectBase } from './object.ts'
import { toText } from './records.ts'

/** Where a handle's databases live. */
export class ObjectStore extends UniffiObjectBase {
  readonly #open: () => Promise<OpenedStore>
  #opened: Promise<OpenedStore> | undefined

  /** @internal Use {@link ObjectStore.resolve} or {@link ObjectStore.from_env}. */
  constructor(open: () => Promise<OpenedStore>) {
    super('ObjectStore')
    this.#open = open
  }

  /**
   * The store behind a URL such as `memory:///`, `file:///folder`, `s3://bucket`; a path in it is a prefix of all
   * paths. Process variables such as `AWS_REGION` are its options.
   */
  static resolve(url: string): ObjectStore {
    const text = toText(url).trim()
    if (!/^[a-z][a-z0-9+.-]*:/i.test(text)) {
      const shown = text.replace(/^(\/\/)?[^/]*@/, '$1')
      throw new ErrorInvalid(`Invalid error: invalid object store URL. url=\`${shown}\` (relative URL without a base)`)
    }
    return runSync(() => recognised(() => resolved(text, host.variables())))
  }

  /** The store that `CLOUD_PROVIDER` and its provider's variables name, from the process and a dotenv file. */
  static from_env(env_file: string | undefined): ObjectStore {
    const variables = host.environment(env_file)
    const { CLOUD_PROVIDER: provider, LOCAL_PATH: folder } = variables
    const failed = (text: string) => new ErrorInvalid(`object store creation failed: ${text}`)
    if (provider === undefined) throw failed('undefined environment variable CLOUD_PROVIDER')
    switch (provider.toLowerCase()) {
      case 'local': {
        if (folder === undefined) throw failed('undefined environment variable LOCAL_PATH')
        return new ObjectStore(async () => ({ store: await host.openFolder(folder), path: '' }))
      }
      case 'memory':
        return memory('')
      case 'aws':
      case 'azure':
      case 'gcp':
        return new ObjectStore(() => storeFromEnvironment({ env: variables, readFile: host.readFile }))
      default:
        throw failed(`invalid environment variable CLOUD_PROVIDER value \`${provider}\``)
    }
  }

  /** @internal The engine's store, and the path of `path` in it. One store object serves all handles. */
  async at(path: string): Promise<{ store: EngineStore; path: string }> {
    // Also after `dispose()`: what was made with this object goes on using the store.
    const { store, path: prefix } = await this.opened()
    // Empty segments do not count in the original's paths.
    const own = path.split('/').filter((segment) => segment !== '')
    return { store, path: (prefix === '' ? own : [prefix, ...own]).join('/') }
  }

  /** @internal */
  opened(): Promise<OpenedStore> {
    // A store that could not be opened may be there at the next try.
    this.#opened ??= this.#open().catch((error) => {
      this.#opened = undefined
      throw error
    })
    return this.#opened
  }
}

function resolved(url: string, environment: Readonly<Record<string, string | undefined>>): ObjectStore {
  const scheme = url.slice(0, url.indexOf(':')).toLowerCase()
  if (scheme === 'memory') return memory(url.slice('memory:'.length).replace(/^\/+|\/+$/g, ''))
  if (scheme === 'file') {
    const folder = decodeURIComponent(new URL(url).pathname)
    return new ObjectStore(async () => ({ store: await host.openFolder(folder), path: '' }))
  }
  const opened = resolveStore(url, { env: environment, readFile: host.readFile })
  return new ObjectStore(async () => opened)
}

/** What the original's URL parser does not know is a failing store to it. */
function recognised<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!isSlateDBError(error) || error.code !== 'SLATEDB_STORE_URL') throw error
    throw new ErrorUnavailable(`Unavailable error: object store error (Unable to recognise URL: ${error.message})`)
  }
}

function memory(path: string): ObjectStore {
  const opened = { store: new MemoryStore({ clock: systemClock }), path }
  return new ObjectStore(async () => opened)
}
