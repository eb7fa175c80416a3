// Who changed what, in the reader's words.
import type { Actor, ObjectChange } from '../api/types'
import { t } from '../i18n/language.svelte'
import { word } from '../i18n/word'

export function actorText(actor: Actor | null): string {
  if (actor === null) return t('actor.nobody')
  if (actor.type === 'user') return actor.login
  if (actor.type === 'telephone') return t('actor.telephone', { extension: actor.extension })
  if (actor.type === 'token') return t('actor.token', { name: actor.name })
  return t(`actor.${actor.type}`)
}

/** Such as `Queue Sales: changed`. */
export function changeText({ object, name, action }: ObjectChange): string {
  return `${[word('object', object), name].filter(Boolean).join(' ')}: ${word('action', action)}`
}

/** A value of a field as it is told in a comparison. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined || value === '') return t('version.nothing')
  if (typeof value === 'boolean') return t(value ? 'yes' : 'no')
  if (Array.isArray(value) && value.length === 0) return t('version.nothing')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
