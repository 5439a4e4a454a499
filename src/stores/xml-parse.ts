// Reads the XML that object stores write: elements, attributes, text, references, CDATA; comments and instructions are
// passed over. Ours, because every page that opens a store would load a whole parser
// (12 KB) for a language of which no store uses more than this, and because what is damaged must be an error: a list that
// ends early, or that nests wrongly, is never a shorter list (OS-18). What stores never send is refused: document types
// with their entities, and nesting without end.

export interface XmlElement {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly XmlElement[]
  /** All text inside, that of children included. */
  readonly text: string
}

interface Open {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: XmlElement[]
  text: string
}

const MAX_DEPTH = 64
const OPENING = /<([^\s<>/=&'"!?]+)((?:\s+[^\s<>/=&'"]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y
const ATTRIBUTE = /([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g
const CLOSING = /<\/([^\s<>/=&'"!?]+)\s*>/y
const REFERENCE = /&(?:#x([0-9a-fA-F]{1,6});|#(\d{1,7});|(\w+);|)/g
const NO_ATTRIBUTES = {}
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** The root element. Throws a SyntaxError for what is no complete document. */
export function parseXml(source: string): XmlElement {
  const xml = source.includes('\r') ? source.replace(/\r\n?/g, '\n') : source
  const outside: Open = { name: '', attributes: NO_ATTRIBUTES, children: [], text: '' }
  const stack: Open[] = []
  let inner = outside
  for (let at = 0; at < xml.length; ) {
    const open = xml.indexOf('<', at)
    const end = open < 0 ? xml.length : open
    if (end > at) inner.text += decoded(xml.slice(at, end), at)
    at = end
    if (open < 0) break
    if (xml.startsWith('<!--', at)) at = behind(xml, '-->', at + 4)
    else if (xml.startsWith('<?', at)) at = behind(xml, '?>', at + 2)
    else if (xml.startsWith('<![CDATA[', at) && inner !== outside) {
      const start = at + 9
      at = behind(xml, ']]>', start)
      inner.text += xml.slice(start, at - 3)
    } else if (xml[at + 1] === '/') {
      const [tag, name] = match(CLOSING, xml, at)
      if (name !== inner.name || inner === outside) throw wrong(`</${name}> closes <${inner.name}>`, at)
      const outer = stack.pop()!
      outer.children.push(inner)
      if (outer !== outside) outer.text += inner.text
      inner = outer
      at += tag!.length
    } else {
      const [tag, name, attributes, isEmpty] = match(OPENING, xml, at)
      if (inner === outside && outside.children.length > 0) throw wrong('a second root', at)
      const element: Open = { name: name!, attributes: attributesOf(attributes!, at), children: [], text: '' }
      if (isEmpty) inner.children.push(element)
      else {
        if (stack.length === MAX_DEPTH) throw wrong('elements nested too deeply', at)
        stack.push(inner)
        inner = element
      }
      at += tag!.length
    }
  }
  const [root] = outside.children
  if (inner !== outside) throw wrong(`the end, inside <${inner.name}>`, xml.length)
  if (root === undefined || outside.text.trim() !== '') throw wrong('text outside of a root', xml.length)
  return root
}

function attributesOf(source: string, at: number): Readonly<Record<string, string>> {
  if (source === '') return NO_ATTRIBUTES
  const found = new Map<string, string>()
  for (const [, name, double, single] of source.matchAll(ATTRIBUTE)) {
    if (found.has(name!)) throw wrong(`attribute ${name} twice`, at)
    found.set(name!, decoded((double ?? single)!.replace(/\s/g, ' '), at))
  }
  return Object.fromEntries(found)
}

function match(pattern: RegExp, xml: string, at: number): RegExpExecArray {
  pattern.lastIndex = at
  const found = pattern.exec(xml)
  if (found === null) throw wrong('no tag', at)
  return found
}

function behind(xml: string, mark: string, from: number): number {
  const at = xml.indexOf(mark, from)
  if (at < 0) throw wrong(`no ${mark}`, from)
  return at + mark.length
}

function decoded(text: string, at: number): string {
  if (!text.includes('&')) return text
  return text.replace(REFERENCE, (_, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined && Object.hasOwn(NAMED, name)) return NAMED[name]!
    const code = hex !== undefined ? Number.parseInt(hex, 16) : Number(decimal)
    // Also refuses NaN: a name that is not known, or an ampersand that begins no reference.
    if (!(code > 0 && code <= 0x10ffff) || (code >= 0xd800 && code <= 0xdfff)) throw wrong('no character', at)
    return String.fromCodePoint(code)
  })
}

function wrong(what: string, at: number): SyntaxError {
  return new SyntaxError(`not XML at ${at}: ${what}`)
}
