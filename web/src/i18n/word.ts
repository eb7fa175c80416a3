// Words for the codes that the gateway speaks in.
import { language, t, type BareKey } from './language.svelte'

/** The word for a code of a group, such as `line.idle`; the code itself where this version has no word for it. */
export function word(group: string, code: string): string {
  const key = `${group}.${code}`
  return language.messages && Object.hasOwn(language.messages, key) ? t(key as BareKey) : code.replaceAll('_', ' ')
}
