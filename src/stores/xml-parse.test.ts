import { XmlElement as ReferenceElement, parseXml as reference } from '@rgrove/parse-xml'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseXml, type XmlElement } from './xml-parse.ts'

/** What a conformant parser makes of it, in our shape. */
function asReference(source: string): XmlElement {
  const ours = (element: ReferenceElement): XmlElement => ({
    name: element.name,
    attributes: { ...element.attributes },
    children: element.children.filter((node) => node instanceof ReferenceElement).map(ours),
    text: element.text,
  })
  return ours(reference(source).root!)
}

const outcome = (parse: (source: string) => XmlElement, source: string) => {
  try {
    return parse(source)
  } catch {
    return 'refused'
  }
}

const escaped = (text: string) =>
  text.replace(/[&<>"']/g, (char) => (char === '&' ? '&amp;' : char === '<' ? '&lt;' : `&#${char.charCodeAt(0)};`))

const name = fc.stringMatching(/^[A-Za-z_][\w.-]{0,8}$/)
const words = fc
  .string({
    unit: fc.constantFrom('a', 'Z', '0', ' ', '\n', '\t', '\r', '&', '<', '>', '"', "'", 'ß', '€', '🐘', '+', '%'),
  })
  .map(escaped)
const attributes = fc
  .uniqueArray(name, { maxLength: 2 })
  .map((names) => names.map((one, i) => (i === 0 ? ` ${one}="a > b &lt;\t'&#65;"` : `\n${one} = 'x'`)).join(''))
const piece = fc.oneof(
  { weight: 4, arbitrary: words },
  fc.constantFrom('<!-- a <b> & -->', '<?do it?>', '<![CDATA[ 1 < 2 && ]> ]]>', '<empty/>', '&#x1F418;', '&quot;'),
)
const { element } = fc.letrec<{ element: string }>((tie) => ({
  element: fc
    .tuple(name, attributes, fc.array(fc.oneof({ maxDepth: 4 }, piece, tie('element')), { maxLength: 5 }))
    .map(([tag, more, inside]) => `<${tag}${more}>${inside.join('')}</${tag}>`),
}))
const document = fc
  .tuple(
    fc.constantFrom('', '<?xml version="1.0" encoding="UTF-8"?>\r\n', '<!-- hello -->'),
    element,
    fc.constantFrom('', '\n'),
  )
  .map((parts) => parts.join(''))

describe('a document', () => {
  test('means what it means to a conformant parser', () => {
    fc.assert(
      fc.property(document, (source) => {
        expect(parseXml(source)).toEqual(asReference(source))
      }),
    )
  })

  test('that ends early is refused, wherever it ends', () => {
    fc.assert(
      fc.property(document, fc.nat(), (source, at) => {
        const whole = source.trimEnd()
        expect(() => parseXml(whole.slice(0, at % whole.length))).toThrow(SyntaxError)
      }),
    )
  })

  test('that is damaged is refused, or means what a conformant parser sees; only form that no answer has is let through', () => {
    const damage = fc.tuple(
      fc.nat(),
      fc.nat({ max: 3 }),
      fc.constantFrom('', '<', '>', '&', '/', '"', ';', '</', ']]>', 'x'),
    )
    fc.assert(
      fc.property(document, damage, (source, [place, length, instead]) => {
        const at = place % source.length
        const damaged = source.slice(0, at) + instead + source.slice(at + length)
        const ours = outcome(parseXml, damaged)
        const theirs = outcome(asReference, damaged)
        // Leniency is about characters of names and texts; it never loses or moves an element that closes.
        if (theirs !== 'refused') expect(ours).toEqual(theirs)
      }),
      { numRuns: 1000 },
    )
  })
})

test.each([
  ['nothing', ''],
  ['text only', 'no bucket here'],
  ['no end', '<a><b>1</b>'],
  ['the wrong end', '<a><b>1</a></b>'],
  ['an end too many', '<a/></a>'],
  ['a closing tag only', '</a>'],
  ['two roots', '<a/><b/>'],
  ['text behind the root', '<a/>b'],
  ['an open comment', '<a><!-- </a>'],
  ['open CDATA', '<a><![CDATA[</a>'],
  ['CDATA outside', '<![CDATA[x]]><a/>'],
  ['a bare ampersand', '<a>b & c</a>'],
  ['an unknown entity', '<a>&nbsp;</a>'],
  ['an entity of every object', '<a>&toString;</a>'],
  ['a character that is none', '<a>&#x110000;</a>'],
  ['half a surrogate pair', '<a>&#xD800;</a>'],
  ['an attribute without quotes', '<a b=c/>'],
  ['an attribute twice', '<a b="1" b="2"/>'],
  ['an ampersand in an attribute', '<a b="&"/>'],
  ['a tag in an attribute', '<a b="<c>"/>'],
  ['a web page', '<!DOCTYPE html><html><body>504</body></html>'],
  ['entities of its own', '<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>'],
  ['nesting without end', '<a>'.repeat(100_000)],
])('%s is refused', (_, source) => {
  expect(() => parseXml(source)).toThrow(SyntaxError)
})

test('time grows with the length, not with its square', () => {
  for (const source of [
    '<a '.repeat(50_000),
    `<a ${'b="" '.repeat(50_000)}`,
    '<'.repeat(200_000),
    `<a>${'&amp'.repeat(100_000)}`,
  ]) {
    const start = process.cpuUsage()
    expect(() => parseXml(source)).toThrow(SyntaxError)
    expect(process.cpuUsage(start).user).toBeLessThan(500_000)
  }
})
