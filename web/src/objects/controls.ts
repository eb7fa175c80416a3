// Fields that several kinds of objects share.
import { companies, DEFAULT_COMPANY } from '../companies.svelte'
import type { Control, Field, RefKind, UnionControl } from './fields'

export const text = (name: string, max: number, rest: Partial<Field> = {}) => ({ name, kind: 'text', max, ...rest }) as Field
export const number = (name: string, min: number, max: number, rest: Partial<Field> = {}) =>
  ({ name, kind: 'number', min, max, ...rest }) as Field
export const flag = (name: string, initial = false, rest: Partial<Field> = {}) => ({ name, kind: 'flag', initial, ...rest }) as Field
export const ref = (name: string, of: RefKind, rest: Partial<Field> = {}) => ({ name, kind: 'ref', of, nullable: true, ...rest }) as Field
export const key = (name: string, rest: Partial<Field> = {}) => ({ name, kind: 'key', nullable: true, ...rest }) as Field
export const choice = (name: string, words: string, of: readonly (string | boolean)[], rest: Partial<Field> = {}) =>
  ({ name, kind: 'choice', words, of, ...rest }) as Field

export const NAME = text('name', 64, { required: true })
export const DESCRIPTION = text('description', 200)

const LANGUAGE_CODES = ['pt-BR', 'es', 'id', 'en']
export const LANGUAGE = choice('language', 'language', LANGUAGE_CODES, { nullable: true, more: true } as Partial<Field>)
const recorded = (name: string) =>
  choice(name, 'recording_mode', ['off', 'all', 'on_demand'], { nullable: true, more: true } as Partial<Field>)
export const RECORDING = recorded('recording')
export const RECORDING_OUT = recorded('recording_out')
/** Shown where there is more than one company. */
export const COMPANY = {
  name: 'company',
  kind: 'ref',
  of: 'company',
  initial: DEFAULT_COMPANY,
  when: () => companies.several,
} satisfies Field

export const MUSIC = ref('music_class', 'music_class', { more: true })

/** One object that must be named. */
const id = (of: RefKind): readonly Field[] => [{ name: 'id', kind: 'ref', of, required: true }]

const TARGET: UnionControl = {
  kind: 'union',
  tag: 'ring',
  words: 'target',
  cases: () => TARGET_CASES,
}
const TARGET_CASES: Record<string, readonly Field[]> = {
  extension: id('extension'),
  user: id('user'),
  external: [
    text('number', 32, { required: true, mode: 'tel' } as Partial<Field>),
    choice('call_connect', 'call_connect', [true, false], { nullable: true, more: true } as Partial<Field>),
  ],
}

/** People who are rung for a call: a ring group. */
export const RING: readonly Field[] = [
  { name: 'targets', kind: 'rows', item: () => TARGET, wide: true },
  choice('strategy', 'ring_strategy', ['simultaneous', 'sequential', 'random', 'longest_idle']),
  number('timeout', 1, 300, { nullable: true } as Partial<Field>),
  number('interval', 5, 120, { nullable: true, when: ({ strategy }) => strategy !== 'simultaneous' } as Partial<Field>),
  choice('order', 'ring_order', ['online_since', 'fixed'], { when: ({ strategy }) => strategy === 'sequential' }),
  number('cycles', 1, 2, { initial: 1, when: ({ strategy }) => strategy === 'sequential' }),
]

const CLEARINGS = ['normal', 'busy', 'rejected', 'congestion', 'unallocated']

const DESTINATION_CASES: Record<string, readonly Field[]> = {
  hang_up: [choice('clearing', 'cleared_as', CLEARINGS)],
  extension: id('extension'),
  user: id('user'),
  ring: [
    { name: 'ring', kind: 'group', fields: () => RING, wide: true },
    { name: 'on_no_answer', kind: 'union', tag: 'to', words: 'destination', cases: () => DESTINATION_CASES, nullable: true, wide: true },
  ],
  number: id('number'),
  queue: id('queue'),
  ivr: id('ivr'),
  time_condition: id('time_condition'),
  announcement: id('announcement'),
  conference: id('conference'),
  voicemail: id('voicemail_box'),
  external: [text('number', 32, { required: true, mode: 'tel' } as Partial<Field>)],
}

/** Where a call goes on. */
export const destination = (name: string, rest: Partial<Field> = {}) =>
  ({ name, kind: 'union', tag: 'to', words: 'destination', cases: () => DESTINATION_CASES, wide: true, ...rest }) as Field

const ACTION_CASES: Record<string, readonly Field[]> = {
  disconnect: [],
  busy: [],
  ring: [],
  message: [{ name: 'file', kind: 'ref', of: 'audio_file', required: true }],
  voicemail: [],
  transfer: [text('number', 32, { required: true, mode: 'tel' } as Partial<Field>)],
}

/** What is done with a call that nobody can take. */
export const offlineAction = (name: string, rest: Partial<Field> = {}) =>
  ({ name, kind: 'union', tag: 'action', words: 'action_of_number', cases: () => ACTION_CASES, ...rest }) as Field

export const union = (
  name: string,
  tag: string,
  words: string,
  cases: Record<string, readonly Field[]>,
  rest: Partial<Field> = {},
) => ({ name, kind: 'union', tag, words, cases: () => cases, ...rest }) as Field

export const rows = (name: string, item: readonly Field[] | UnionControl, rest: Partial<Field> = {}) =>
  ({ name, kind: 'rows', item: () => item, wide: true, ...rest }) as Field

export type { Control, Field }
