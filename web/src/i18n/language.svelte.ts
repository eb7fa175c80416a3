// The language of the interface: chosen, remembered on this device, loaded when needed.
import { LANGUAGES, type LanguageCode } from '../api/types'
import type { en } from './en'
import { fill, type Entry, type Plural, type Translation, type ValueArguments } from './message'
import { isLanguage, negotiate } from './negotiate'

export type Catalogue = typeof en
export type Key = keyof Catalogue
export type Messages = Translation<Catalogue>
type PluralKey = { [K in Key]: Catalogue[K] extends Plural ? K : never }[Key]
export type PlainKey = Exclude<Key, PluralKey>
/** Keys whose text has no placeholders. */
export type BareKey = { [K in PlainKey]: ValueArguments<Catalogue[K]> extends [] ? K : never }[PlainKey]

/** Each language's own name for itself; the same in every language. */
export const LANGUAGE_NAMES: Record<LanguageCode, string> = {
  'pt-BR': 'Português (Brasil)',
  es: 'Español',
  id: 'Bahasa Indonesia',
  en: 'English',
}

const STORED = 'ramal.language'

const loaders: Record<LanguageCode, () => Promise<Messages>> = {
  'pt-BR': async () => (await import('./pt-BR')).ptBR,
  es: async () => (await import('./es')).es,
  id: async () => (await import('./id')).id,
  en: async () => (await import('./en')).en,
}

class Language {
  code = $state<LanguageCode>('en')
  messages = $state.raw<Messages | null>(null)
  #rules = $derived(new Intl.PluralRules(this.code))

  /** Starts with what this device chose before, else with the browser's wish. */
  async start(): Promise<void> {
    await this.#use(this.chosen ?? negotiate(navigator.languages))
  }

  get chosen(): LanguageCode | null {
    const stored = localStorage.getItem(STORED)
    return isLanguage(stored) ? stored : null
  }

  /** A person's choice: remembered. */
  async choose(code: LanguageCode): Promise<void> {
    localStorage.setItem(STORED, code)
    await this.#use(code)
  }

  /** The language of a user's account: used unless this device has a choice of its own. */
  async suggest(code: LanguageCode): Promise<void> {
    if (!this.chosen) await this.#use(code)
  }

  async #use(code: LanguageCode): Promise<void> {
    this.messages = await loaders[code]()
    this.code = code
    document.documentElement.lang = code
  }

  entry(key: Key): Entry {
    return this.messages?.[key] ?? key
  }

  pick(entry: Plural, count: number): string {
    // None of these languages has a grammatical zero; the form is for saying "no" instead of "0".
    if (count === 0 && entry.zero !== undefined) return entry.zero
    return entry[this.#rules.select(count)] ?? entry.other
  }
}

export const language = new Language()

/** The text of `key` in the current language. */
export function t<K extends PlainKey>(key: K, ...values: ValueArguments<Catalogue[K]>): string {
  return fill(language.entry(key) as string, values[0])
}

/** The counted text of `key`; `{count}` is the number in the language's own writing. */
export function counted(key: PluralKey, count: number): string {
  const text = language.pick(language.entry(key) as Plural, count)
  return fill(text, { count: new Intl.NumberFormat(language.code).format(count) })
}

export { LANGUAGES }
