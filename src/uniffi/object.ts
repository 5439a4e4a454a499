// What every class of this entry is: an object that can be disposed of, as the official binding's are. There, disposal
// frees a handle of the native library; here it lets go of what the object pins.

import { UnexpectedNullPointer } from './runtime-errors.ts'

let isAlive: (typeName: string, value: unknown) => boolean

export abstract class UniffiObjectBase {
  // Not the name of the constructor: bundlers rename classes.
  readonly #typeName: string
  #disposed = false

  constructor(typeName: string) {
    this.#typeName = typeName
  }

  get uniffiTypeName(): string {
    return this.#typeName
  }

  /** True the first time. Nothing may be called on the object after it. */
  dispose(): boolean {
    if (this.#disposed) return false
    this.#disposed = true
    this.release()
    return true
  }

  uniffiDestroy(): boolean {
    return this.dispose()
  }

  /** Lets go of what the object holds; the default holds nothing. */
  protected release(): void {}

  protected alive(): void {
    if (this.#disposed) throw destroyed(this.#typeName)
  }

  static {
    isAlive = (typeName, value) => value instanceof UniffiObjectBase && value.#typeName === typeName && !value.#disposed
  }
}

/** Refuses an argument that is no `typeName`, or was disposed of: to the binding both are a missing handle. */
export function checkObject(typeName: string, value: unknown): void {
  if (!isAlive(typeName, value)) throw destroyed(typeName)
}

const destroyed = (typeName: string) =>
  new UnexpectedNullPointer(`${typeName} handle is null or has already been destroyed.`)
