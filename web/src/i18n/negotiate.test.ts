import { describe, expect, it } from 'vitest'
import type { Country } from '../api/types'
import { likelyCountry, negotiate } from './negotiate'

describe('negotiate', () => {
  it.each([
    [['pt-PT', 'en'], 'pt-BR'],
    [['es-419'], 'es'],
    [['in-ID'], 'id'],
    [['de-DE', 'id'], 'id'],
    [['en-GB'], 'en'],
    [['ja'], 'en'],
    [[], 'en'],
  ])('takes the first spoken language of %j', (wanted, code) => expect(negotiate(wanted)).toBe(code))
})

describe('likelyCountry', () => {
  const country = (code: string, language: Country['language'], time_zone: string): Country => ({
    code,
    language,
    time_zone,
    dialling_code: '1',
  })
  const known = [
    country('AR', 'es', 'America/Argentina/Buenos_Aires'),
    country('BR', 'pt-BR', 'America/Sao_Paulo'),
    country('MX', 'es', 'America/Mexico_City'),
  ]

  it('goes by the time zone, then by the region, then by the language', () => {
    expect(likelyCountry(known, ['en-US'], 'America/Sao_Paulo', 'en')?.code).toBe('BR')
    expect(likelyCountry(known, ['es-MX', 'es'], 'Etc/UTC', 'es')?.code).toBe('MX')
    expect(likelyCountry(known, ['es'], 'Etc/UTC', 'es')?.code).toBe('AR')
    expect(likelyCountry(known, [], 'Etc/UTC', 'id')?.code).toBe('AR')
    expect(likelyCountry([], [], 'Etc/UTC', 'id')).toBeUndefined()
  })
})
