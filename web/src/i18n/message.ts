// What a catalogue entry is, and what its placeholders demand of the caller. Types only, plus filling in.

/** Forms of a counted message; `other` always exists (CLDR plural rules). */
export type Plural = { zero?: string; one?: string; two?: string; few?: string; many?: string; other: string }
export type Entry = string | Plural

type Names<S extends string> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never
type TextOf<E extends Entry> = E extends Plural ? E['other'] : E
/** Values an entry needs: one for each `{name}` of the English text. */
export type Values<E extends Entry> = { [Name in Names<TextOf<E>>]: string | number }
export type ValueArguments<E extends Entry> = [Names<TextOf<E>>] extends [never] ? [] : [Values<E>]

/** The same keys as `C`, each with the same kind of entry. */
export type Translation<C extends Record<string, Entry>> = {
  readonly [Key in keyof C]: C[Key] extends Plural ? Plural : string
}

export function fill(text: string, values: Record<string, string | number> = {}): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole))
}
