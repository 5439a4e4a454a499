// UTF-8 and hexadecimal text.

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text)
}

export function decodeUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes)
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
