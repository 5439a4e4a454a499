// Keys and values of the model are texts of bytes (one character per byte): they compare like bytes and work as map keys.

export function toBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

export function toText(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192))
  return text
}

/** For messages: printable characters as they are, the rest escaped, the middle of long texts left out. */
export function show(text: string | undefined): string {
  if (text === undefined) return 'nothing'
  const cut = text.length > 60 ? `${text.slice(0, 40)}...(${text.length} bytes)` : text
  return JSON.stringify(cut.replace(/[^ -~]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`))
}
