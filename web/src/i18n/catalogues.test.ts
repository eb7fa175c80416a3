import { describe, expect, it } from 'vitest'
import { CALL_RESULTS, LANGUAGES, ROLES } from '../api/types'
import { en } from './en'
import { es } from './es'
import { id } from './id'
import type { Entry } from './message'
import { fill } from './message'
import { ptBR } from './pt-BR'

const catalogues: Record<string, Record<string, Entry>> = { 'pt-BR': ptBR, es, id, en }
const source: Record<string, Entry> = en

const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort()
const forms = (entry: Entry) => (typeof entry === 'string' ? { other: entry } : entry)

describe.each(LANGUAGES)('%s', (code) => {
  const catalogue = catalogues[code] ?? {}

  it('has exactly the keys of the source', () => {
    expect(Object.keys(catalogue).sort()).toEqual(Object.keys(source).sort())
  })

  it('has no empty text and no stray space', () => {
    for (const [key, entry] of Object.entries(catalogue)) {
      for (const text of Object.values(forms(entry))) {
        expect(text, key).toBe(text.trim())
        expect(text, key).not.toBe('')
        expect(text, key).not.toMatch(/ {2}/)
      }
    }
  })

  it('uses the placeholders of the source', () => {
    for (const [key, entry] of Object.entries(catalogue)) {
      const wanted = placeholders(forms(source[key] ?? '').other)
      expect(placeholders(forms(entry).other), key).toEqual(wanted)
    }
  })

  it('has every plural form its language asks for', () => {
    const categories = new Intl.PluralRules(code).resolvedOptions().pluralCategories
    for (const [key, entry] of Object.entries(catalogue)) {
      if (typeof entry === 'string') continue
      // "many" of Portuguese and Spanish begins at a million, where no count of this interface comes.
      for (const category of categories.filter((one) => one !== 'many')) expect(entry, key).toHaveProperty(category)
    }
  })

  it('ends a sentence like the source does', () => {
    for (const [key, entry] of Object.entries(catalogue)) {
      const sentence = (text: string) => /[.…:]$/.test(text)
      expect(sentence(forms(entry).other), key).toBe(sentence(forms(source[key] ?? '').other))
    }
  })
})

it('differs between the languages', () => {
  // A forgotten translation is a text equal to the English one; few are the same word, and some are no words at all.
  // Names of places are the same.
  const worded = Object.keys(source).filter((key) => !key.startsWith('region.') && /\p{L}/u.test(forms(source[key] ?? '').other.replaceAll(/\{\w+\}/g, '')))
  for (const [code, catalogue] of Object.entries(catalogues)) {
    if (code === 'en') continue
    const same = worded.filter((key) => JSON.stringify(catalogue[key]) === JSON.stringify(source[key]))
    expect(same.length, `${code}: ${same.join(' ')}`).toBeLessThan(worded.length / 40)
  }
})

it('names every role and result', () => {
  for (const role of ROLES) expect(source).toHaveProperty([`role.${role}`])
  for (const result of CALL_RESULTS) expect(source).toHaveProperty([`result.${result}`])
})

it('fills placeholders, and leaves unknown ones to be seen', () => {
  expect(fill('{a} and {b} and {a}', { a: 1, b: 'x' })).toBe('1 and x and 1')
  expect(fill('{a} {c}', { a: '$&' })).toBe('$& {c}')
})
