// What every class of this entry is: an object that can be disposed of, as the official binding's are. There, disposal
// frees a handle of the native library; here it lets go of what the object pins.

/** The object was used after `dispose()`. */
export class UnexpectedNullPointer extends Error {
  override readonly name = 'UnexpectedNullPointer'
}

export abstract class UniffiObjectBase {
  #disposed = false

  get uniffiTypeName(): string {
    return this.constructor.name
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
    if (this.#disposed) {
      throw new UnexpectedNullPointer(`${this.uniffiTypeName} handle is null or has already been destroyed.`)
    }
  }
}
