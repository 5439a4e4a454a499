// What the official binding tells about itself. There is no native library here, and the fields say so.

export interface ComponentMetadata {
  namespace: string
  packageName: string
  cdylibName: string
  nodeEngine: string
  bundledPrebuilds: boolean
  manualLoad: boolean
}

export const componentMetadata: Readonly<ComponentMetadata> = Object.freeze({
  namespace: 'slatedb',
  packageName: 'slatedb-ts',
  cdylibName: '',
  nodeEngine: '>=20.19',
  bundledPrebuilds: false,
  manualLoad: false,
})

/** Nothing is called through a foreign function interface. */
export const ffiMetadata: Readonly<Record<string, unknown>> = Object.freeze({})
