// Zstandard compression in WebAssembly. The package holds one instance and must be told to load it exactly once, however
// many databases write with it: so that begins while this module is loaded, and everybody waits for the same promise.
// There is no `await` at the top, which tools that make CommonJS of a module refuse.

import * as loaded from '@bokuweb/zstd-wasm'

// Bundlers and Node disagree about what the names of a CommonJS package are.
const wasm = 'compress' in loaded ? loaded : (loaded as { default: typeof loaded }).default
const ready = wasm.init()

/** Rejects where WebAssembly is switched off. */
export async function loadCompress(): Promise<(raw: Uint8Array) => Uint8Array> {
  await ready
  return (raw) => wasm.compress(raw, 3)
}
