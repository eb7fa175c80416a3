import { beforeAll, describe, expect, it } from 'vitest'
import { en } from '../i18n/en'
import { language } from '../i18n/language.svelte'
import { menuFor } from '../navigation'
import { screenOfObject } from '../object_screens'
import { AREAS, MENUS, SCOPES, VERBS } from '../rights'
import { blankAll, filled, placeOf, refsOf, tidied, type Control, type Field, type UnionControl, type Values } from './fields'
import { KINDS, kindOf } from './kinds'
import { PORT_FIELDS } from './ports'

const has = (key: string) => Object.hasOwn(en, key)
const fieldsOf = (kind: string): readonly Field[] => kindOf(kind)?.fields ?? []

beforeAll(() => {
  language.messages = en
  language.code = 'en'
})

/** Every field, nested ones included, with the scope of its words; each set of cases once. */
function* all(fields: readonly Field[], scope: string, seen: Set<unknown>): Generator<[Field, string]> {
  for (const field of fields) {
    yield [field, scope]
    yield* inside(field, `${scope}.${field.name}`, seen)
  }
}

function* inside(control: Control, scope: string, seen: Set<unknown>): Generator<[Field, string]> {
  if (control.kind === 'group') yield* all(control.fields(), scope, seen)
  if (control.kind === 'union') yield* cases(control, scope, seen)
  if (control.kind !== 'rows') return
  const item = control.item()
  if ('cases' in item) yield* cases(item, scope, seen)
  else yield* all(item, scope, seen)
}

function* cases(union: UnionControl, scope: string, seen: Set<unknown>): Generator<[Field, string]> {
  if (seen.has(union.cases)) return
  seen.add(union.cases)
  for (const fields of Object.values(union.cases())) yield* all(fields, scope, seen)
}

function* described(): Generator<[Field, string]> {
  for (const kind of KINDS) yield* all(kind.fields, kind.id, new Set())
  for (const [kind, fields] of Object.entries(PORT_FIELDS)) yield* all(fields, kind, new Set())
}

describe('the descriptions of objects', () => {
  it('have a word for every field and every choice', () => {
    const missing: string[] = []
    const need = (key: string) => has(key) || missing.push(key)
    for (const [field, scope] of described()) {
      const called = field.kind === 'ref' && field.name === 'id' ? `object.${field.of}` : `${scope}.${field.name}`
      if (!has(called)) need(`field_name.${field.name}`)
      if (field.kind === 'choice' && field.words !== 'country') for (const one of field.of) need(`${field.words}.${String(one)}`)
      if (field.kind === 'checks') for (const one of field.of) need(`${field.words}.${String(one).replace('.', '_')}`)
      if (field.kind === 'union') for (const one of Object.keys(field.cases())) need(`${field.words}.${one}`)
      if (field.kind === 'ref' || field.kind === 'refs') need(`object.${field.of}`)
    }
    for (const { id } of KINDS) for (const name of ['title', 'lead', 'add', 'none']) need(`${id}.${name}`)
    for (const { id } of KINDS) need(`object.${id}`)
    expect(missing).toEqual([])
  })

  it('name columns that they have, and stand in the menu', () => {
    const pages = menuFor(() => true, null).flatMap((group) => group.entries.flatMap((entry) => entry.pages.map(({ path }) => path)))
    for (const { id, columns, fields, path } of KINDS) {
      for (const column of columns) expect(fields.map(({ name }) => name), id).toContain(column)
      expect(pages).toContain(path)
      expect(screenOfObject(id)).toBe(path)
    }
  })

  it('have words for every permission', () => {
    for (const one of AREAS) expect(has(`area.${one}`), one).toBe(true)
    for (const one of VERBS) expect(has(`verb.${one}`), one).toBe(true)
    for (const one of SCOPES) expect(has(`scope.${one}`), one).toBe(true)
    for (const one of MENUS) expect(has(`menu_part.${one}`), one).toBe(true)
  })
})

describe('the values of a form', () => {
  it('begin as the gateway presets them', () => {
    expect(blankAll(fieldsOf('queue'))).toMatchObject({
      name: '',
      strategy: 'ring_all',
      agent_ring: 30,
      announce_every: 30,
      members: [],
      on_full: { to: 'hang_up', clearing: 'busy' },
      on_empty: null,
      pause_after_missed: null,
    })
  })

  it('leave out what the form does not know, and secrets that were left blank', () => {
    const fields = fieldsOf('mail_server')
    const values = filled(fields, { id: 7, used_by: [], name: 'a', host: 'mail.example.com', port: 25, security: 'tls', user: '', from: 'x@y.z', enabled: true })
    const sent = tidied(fields, values)
    expect(sent).not.toHaveProperty('id')
    expect(sent).not.toHaveProperty('password')
    expect(tidied(fields, { ...values, password: 'geheim' })).toHaveProperty('password', 'geheim')
  })

  it('keep everything that was stored, deep down too', () => {
    const stored: Values = {
      ...blankAll(fieldsOf('ivr')),
      name: 'Main',
      keys: [
        {
          key: '1',
          label: 'Sales',
          destination: {
            to: 'ring',
            ring: {
              targets: [{ ring: 'external', number: '5133334444', call_connect: false }],
              strategy: 'random',
              timeout: 30,
              interval: 15,
              order: 'fixed',
              cycles: 2,
            },
            on_no_answer: { to: 'voicemail', id: 3 },
          },
        },
      ],
    }
    const fields = fieldsOf('ivr')
    expect(tidied(fields, filled(fields, stored))).toEqual(stored)
  })

  it('send only what belongs to the chosen case', () => {
    const fields = fieldsOf('announcement')
    const after = { to: 'queue', id: 4, number: 'left over' }
    expect(tidied(fields, { ...blankAll(fields), after })['after']).toEqual({ to: 'queue', id: 4 })
  })
})

describe('refusals', () => {
  it('find their field however deep it is', () => {
    const fields = fieldsOf('ivr')
    expect(placeOf(fields, 'wait')).toBe('wait')
    expect(placeOf(fields, 'keys[2].key')).toBe('keys[2].key')
    expect(placeOf(fields, 'keys[0].destination.id')).toBe('keys[0].destination.id')
    expect(placeOf(fields, 'keys[0].destination.ring.targets[1].number')).toBe('keys[0].destination.ring.targets[1].number')
    expect(placeOf(fields, 'keys[0].destination.to')).toBe('keys[0].destination')
    expect(placeOf(fields, 'keys')).toBe('keys')
    expect(placeOf(fields, 'nothing')).toBeUndefined()
  })

  it('of entries that are no fields of their own stand at the entry', () => {
    expect(placeOf(fieldsOf('queue'), 'members[1]')).toBe('members[1]')
    expect(placeOf(fieldsOf('time_condition'), 'periods[0].weekdays[2]')).toBe('periods[0].weekdays')
    expect(placeOf(fieldsOf('profile'), 'permissions[3].scope')).toBe('permissions')
  })
})

it('knows which objects a form can name', () => {
  expect(refsOf(fieldsOf('team'))).toEqual(new Set(['company', 'user']))
  const named = refsOf(fieldsOf('ivr'))
  for (const kind of ['audio_file', 'extension', 'queue', 'voicemail_box', 'user', 'time_condition'] as const) expect(named).toContain(kind)
})
