// The value of a described field in the reader's words, for lists and for what a change did.
import { show } from '../format/local.svelte'
import { counted, t } from '../i18n/language.svelte'
import { word } from '../i18n/word'
import type { Choices } from './choices.svelte'
import type { Field, UnionControl, Values } from './fields'
import { noneOf, within } from './labels'

/** How many entries of a list are named before the rest is counted. */
const NAMED = 4
/** So few choices are always all named. */
const WEEK = 7

function several(texts: string[]): string {
  const named = texts.slice(0, NAMED).join(', ')
  return texts.length > NAMED ? `${named}, ${counted('object.and_more', texts.length - NAMED)}` : named
}

export function say(field: Field, value: unknown, scope: string, choices: Choices): string {
  if (value === null || value === undefined || value === '') return noneOf(scope, field)
  switch (field.kind) {
    case 'flag':
      return t(value === true ? 'yes' : 'no')
    case 'choice':
      return word(field.words, String(value))
    case 'ref':
      return choices.nameOf(field.of, value)
    case 'refs':
      return several((value as unknown[]).map((id) => choices.nameOf(field.of, id))) || noneOf(scope, field)
    case 'checks': {
      const all = value as (string | number)[]
      const words = all.map((one) => word(field.words, String(one).replace('.', '_')))
      return (field.of.length <= WEEK ? words.join(', ') : several(words)) || noneOf(scope, field)
    }
    case 'strings':
    case 'numbers':
      return several((value as unknown[]).map(String)) || noneOf(scope, field)
    case 'moment':
      return show.moment(Number(value))
    case 'union':
      return sayCase(field, value as Values, within(scope, field), choices)
    case 'group':
      return sayAll(field.fields(), value as Values, within(scope, field), choices)
    case 'rows': {
      const item = field.item()
      const inner = within(scope, field)
      const texts = (value as Values[]).map((row) =>
        'cases' in item ? sayCase(item, row, inner, choices) : sayAll(item, row, inner, choices),
      )
      return several(texts) || noneOf(scope, field)
    }
    case 'permissions':
      return counted('profile.permissions_count', (value as unknown[]).length)
    default:
      return String(value)
  }
}

function sayCase(union: UnionControl, value: Values, scope: string, choices: Choices): string {
  const tag = String(value[union.tag])
  const fields = union.cases()[tag] ?? []
  const rest = sayAll(
    fields.filter(({ kind, name }) => kind !== 'number' && name !== 'clearing' && name !== 'call_connect'),
    value,
    scope,
    choices,
  )
  const name = word(union.words, tag)
  return rest ? `${name}: ${rest}` : name
}

/** Those that are set, one after the other; what is folded away is not mentioned. */
function sayAll(fields: readonly Field[], values: Values, scope: string, choices: Choices): string {
  const set = fields.filter(({ name, more, when }) => {
    const value = values[name]
    const empty = value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0)
    return !more && !empty && value !== false && (!when || when(values))
  })
  return set.reduce((text, field, index) => {
    const said = say(field, values[field.name], scope, choices)
    if (index === 0) return said
    // From one time of day until another.
    return text + (field.kind === 'time' && set[index - 1]?.kind === 'time' ? '–' : ' · ') + said
  }, '')
}
