// What the official binding's runtime throws before its native library is reached: neither errors of the database nor
// exported, so programs know them by name and message only.

abstract class UniffiRuntimeError extends Error {}

/** An object was used after `dispose()`, or is none of its class. */
export class UnexpectedNullPointer extends UniffiRuntimeError {
  override readonly name = 'UnexpectedNullPointer'
}

/** A number that its 64-bit type cannot hold. */
export class ConverterRangeError extends UniffiRuntimeError {
  override readonly name = 'ConverterRangeError'
}

/** A tagged value with an unknown tag. */
export class UnexpectedEnumCase extends UniffiRuntimeError {
  override readonly name = 'UnexpectedEnumCase'
}
