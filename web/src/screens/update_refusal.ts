// The refusals of updates in the reader's words.
import { Problem } from '../api/problem'
import { language, t } from '../i18n/language.svelte'

/** Translated by its code; null where this version has no words for it. */
export function refusalText(problem: Problem): string | null {
  const [first] = problem.errors
  const key = `update_refusal.${first?.code ?? ''}`
  if (!first || !language.messages || !Object.hasOwn(language.messages, key)) return null
  return t(key as 'update_refusal.too_old', { limit: first.limit ?? '' })
}
