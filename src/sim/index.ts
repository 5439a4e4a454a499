// `slatedb-ts/testing`: virtual time, simulated processes and stores, and the contracts of stores and cursors as suites.

export { type PendingTimer, SimClock, type SimClockOptions } from './clock.ts'
export { type CrashPoint, type EveryCrashOptions, everyCrash } from './crashes.ts'
export { type CursorRequest, type CursorSuiteOptions, cursorSuite, type MakeCursor } from './cursor-suite.ts'
export { type Depth, measureDepth } from './depth.ts'
export { simEnv } from './env.ts'
export type { FaultKind, FaultRates } from './faults.ts'
export { SimProcess } from './process.ts'
export { Sim, type SimRun, type SimulateOptions, simulate } from './simulate.ts'
export { type SimFilter, type SimOp, SimStore, type SimStoreOptions } from './store.ts'
export { type OpenedStore, type StoreSuiteOptions, storeSuite } from './store-suite.ts'
export { Trace } from './trace.ts'
export { type SimRequest, SimWorld } from './world.ts'
