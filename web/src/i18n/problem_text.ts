// A failed request in the reader's words.
import { Problem, Unreachable, type FieldProblem } from '../api/problem'
import { counted, language, t, type BareKey, type PlainKey } from './language.svelte'

/** Statuses whose sentence, or whose fields, say all there is to say. */
const SAID_ENOUGH = new Set([401, 403, 422])

/** Translated by its code; the gateway's own sentence where the interface does not know the code. */
export function fieldText({ code, limit, message }: FieldProblem): string {
  const withLimit = `field.${code}_limit`
  if (limit !== null && isKey(withLimit)) return t(withLimit as 'field.too_short_limit', { limit })
  const plain = `field.${code}`
  if (isKey(plain)) return t(plain as BareKey)
  return message || t('field.invalid')
}

export function problemText(failure: unknown): string {
  if (failure instanceof Unreachable) return t('problem.unreachable')
  if (!(failure instanceof Problem)) return t('problem.unexpected')
  if (failure.status === 429) return counted('problem.wait', failure.retryAfter ?? 1)
  if (failure.status >= 500) return t('problem.gateway', { status: failure.status })
  const key = `problem.${failure.status}`
  const text = isKey(key) ? t(key as BareKey) : t('problem.refused', { status: failure.status })
  // The gateway's detail names the object and is English; it helps where the general sentence does not.
  return failure.detail && !SAID_ENOUGH.has(failure.status) ? `${text} (${failure.detail})` : text
}

function isKey(key: string): key is PlainKey {
  return language.messages !== null && Object.hasOwn(language.messages, key)
}
