// Zstandard compression in WebAssembly. The package holds one instance and must be told to load it exactly once, however
// many databases write with it: so this module waits for it while it is itself being loaded.

import * as loaded from '@bokuweb/zstd-wasm'

// Bundlers and Node disagree about what the names of a CommonJS package are.
const wasm = 'compress' in loaded ? loaded : (loaded as { default: typeof loaded }).default
await wasm.init()

export const compress = (raw: Uint8Array): Uint8Array => wasm.compress(raw, 3)
