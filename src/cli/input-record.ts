// One record of an input file, as names and values in the order of the file. Values stay text, so that nothing is rounded
// or reinterpreted on the way into the database.

import { type JsonMembers, jsonMembers } from './json-members.ts'

export interface InputRecord {
  readonly names: readonly string[]
  /** The value as text: what a CSV cell says, a JSON string without its quotes, any other JSON value as it is written. */
  text(index: number): string
  /** The value as JSON. */
  json(index: number): string
}

export class CsvRecord implements InputRecord {
  readonly names: readonly string[]
  readonly #cells: readonly string[]

  constructor(names: readonly string[], cells: readonly string[]) {
    this.names = names
    this.#cells = cells
  }

  text(index: number): string {
    return this.#cells[index]!
  }

  json(index: number): string {
    return JSON.stringify(this.#cells[index]!)
  }
}

export class JsonRecord implements InputRecord {
  readonly #members: JsonMembers

  constructor(line: string) {
    this.#members = jsonMembers(line)
  }

  get names(): readonly string[] {
    return this.#members.names
  }

  text(index: number): string {
    const json = this.#members.values[index]!
    return json.startsWith('"') ? (JSON.parse(json) as string) : json
  }

  json(index: number): string {
    return this.#members.values[index]!
  }
}
