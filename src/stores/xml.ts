// The little XML that S3 and Azure speak. A document that ends early is an error, never a shorter list (OS-18).

import { parseXml, XmlElement } from '@rgrove/parse-xml'
import { decodeUtf8, readableText } from '../bytes/text.ts'
import { storeError } from '../errors.ts'

/** The root element of a document whose names are taken at their word, so that its text must be exact. */
export const parseExactly = (bytes: Uint8Array): XmlElement | undefined => tryParse(bytes, decodeUtf8)

/** `root`, which must have that name: a login page may be well-formed, too. */
export function documentNamed(name: string, root: XmlElement | undefined, what: string): XmlElement {
  if (root?.name === name) return root
  const got = root === undefined ? 'the answer is no XML' : `the answer is a <${root.name.slice(0, 64)}>`
  throw storeError('Generic', '', `${what}: ${got} where a <${name}> was expected`)
}

/**
 * The root element, or undefined for what is no XML: error pages of proxies, empty bodies. Servers send white space before
 * the declaration to keep a connection alive while they work, which the standard forbids.
 */
export function tryParse(bytes: Uint8Array, decode = readableText): XmlElement | undefined {
  try {
    return parseXml(decode(bytes).replace(/^[\ufeff\s]+/, '')).root ?? undefined
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
