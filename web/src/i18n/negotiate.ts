import { LANGUAGES, type Country, type LanguageCode } from '../api/types'

/** The first of the browser's languages that the product speaks; English otherwise. */
export function negotiate(wanted: readonly string[]): LanguageCode {
  for (const tag of wanted) {
    const primary = tag.toLowerCase().split('-')[0]
    // `in` is the old code of Indonesian, still sent by some devices.
    const known = LANGUAGES.find((code) => code.toLowerCase().split('-')[0] === (primary === 'in' ? 'id' : primary))
    if (known) return known
  }
  return 'en'
}

export function isLanguage(value: unknown): value is LanguageCode {
  return LANGUAGES.some((code) => code === value)
}

/**
 * The country a first visit starts with: the one of the browser's time zone, else the region of a browser language,
 * else the first country of the language.
 */
export function likelyCountry(
  countries: readonly Country[],
  wanted: readonly string[],
  timeZone: string,
  language: LanguageCode,
): Country | undefined {
  const regions = wanted.map((tag) => /-([A-Za-z]{2})(?:-|$)/.exec(tag)?.[1]?.toUpperCase())
  return (
    countries.find((country) => country.time_zone === timeZone) ??
    regions.map((region) => countries.find((country) => country.code === region)).find((found) => found) ??
    countries.find((country) => country.language === language) ??
    countries[0]
  )
}
