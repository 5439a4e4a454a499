// UTF-8 and hexadecimal text.

const encoder = new TextEncoder()
const exact = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const lossy = new TextDecoder()

export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/**
 * The text that encodes to these very bytes: different bytes are never one text, so a leading U+FEFF stays. Throws a
 * TypeError for bytes that are no UTF-8.
 */
export function decodeUtf8(bytes: Uint8Array): string {
  return exact.decode(bytes)
}

/** Text for people to read, such as the words of a server: what is no UTF-8 in it shows as U+FFFD. */
export function readableText(bytes: Uint8Array): string {
  return lossy.decode(bytes)
}

/** JSON in UTF-8. A byte order mark before it says nothing about the value. Throws when it is neither. */
export function parseJson(bytes: Uint8Array): unknown {
  const text = decodeUtf8(bytes)
  return JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text)
}

const HEX = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'))

export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += HEX[byte]
  return text
}

export function fromHex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length >> 1)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

/** A key for an error message: as text when it is printable, else as hex, cut to something readable. */
export function showKey(key: Uint8Array): string {
  const head = key.subarray(0, 48)
  const printable = head.every((byte) => byte >= 0x20 && byte < 0x7f)
  const text = printable ? JSON.stringify(decodeUtf8(head)) : `0x${toHex(head)}`
  return key.length > 48 ? `${text}... (${key.length} bytes)` : text
}
