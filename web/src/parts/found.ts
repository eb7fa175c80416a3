// What a list's search finds.

const folded = (text: string) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()

/** Whether one of `texts` holds what was typed, without regard to case and accents. */
export function matches(texts: readonly string[], search: string): boolean {
  const wanted = folded(search.trim())
  return texts.some((text) => folded(text).includes(wanted))
}
