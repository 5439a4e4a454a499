// The little XML that S3 and Azure speak. A document that ends early is an error, never a shorter list (OS-18).

import { parseXml, XmlElement } from '@rgrove/parse-xml'
import { decodeUtf8, readableText } from '../bytes/text.ts'
import { storeError } from '../errors.ts'

export function parseDocument(bytes: Uint8Array, what: string): XmlElement {
  // Names in it are taken at their word, so it must be exact where the words of an error need not be.
  const root = tryParse(bytes, decodeUtf8)
  if (root === undefined) throw storeError('Generic', '', `${what}: the answer is not the XML that was expected`)
  return root
}

/** The root element, or undefined for what is no XML: error pages of proxies, empty bodies. */
export function tryParse(bytes: Uint8Array, decode = readableText): XmlElement | undefined {
  try {
    return parseXml(decode(bytes)).root ?? undefined
  } catch {
    return undefined
  }
}

export function children(element: XmlElement, name: string): XmlElement[] {
  const out: XmlElement[] = []
  for (const child of element.children) if (child instanceof XmlElement && child.name === name) out.push(child)
  return out
}

export function child(element: XmlElement | undefined, name: string): XmlElement | undefined {
  if (element === undefined) return undefined
  for (const node of element.children) if (node instanceof XmlElement && node.name === name) return node
  return undefined
}

/** Text of a child element; '' when there is none. */
export function text(element: XmlElement | undefined, name: string): string {
  return child(element, name)?.text ?? ''
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

export function escapeXml(value: string): string {
  return value.replace(/[&<>"']/g, (char) => ESCAPES[char]!)
}
