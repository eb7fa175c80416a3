// The words of described fields: those of the object first, then those that all objects share.
import { language, t, type BareKey } from '../i18n/language.svelte'
import type { Field } from './fields'

const known = (key: string): string | undefined =>
  language.messages && Object.hasOwn(language.messages, key) ? t(key as BareKey) : undefined

const find = (scope: string, name: string, suffix = ''): string | undefined =>
  known(`${scope}.${name}${suffix}`) ?? known(`field_name.${name}${suffix}`)

/** The label of a field; a reference that has no other name is called what it leads to. */
export function labelOf(scope: string, field: Field): string {
  if (field.kind === 'ref' && field.name === 'id') return known(`object.${field.of}`) ?? field.name
  return find(scope, field.name) ?? field.name.replaceAll('_', ' ')
}

export const hintOf = (scope: string, { name }: Field): string | undefined => find(scope, name, '_hint')

/** What it means that nothing is chosen. */
export const noneOf = (scope: string, { name }: Field): string => find(scope, name, '_none') ?? t('object.nothing')

export const within = (scope: string, { name }: Field): string => `${scope}.${name}`
