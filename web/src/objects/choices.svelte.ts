// The objects that the fields of a form can name, read once for the form and again when the configuration changes.
import { account } from '../account.svelte'
import { client } from '../api/client'
import { connection } from '../live/connection.svelte'
import { Resource } from '../parts/resource.svelte'
import type { Right } from '../rights'
import type { RefKind } from './fields'

export interface Choice {
  id: number | string
  name: string
}

type Row = Record<string, unknown> & { id: number }

interface Source {
  paths: readonly string[]
  right: Right
  name: (row: Row) => string
}

const text = (value: unknown) => String(value ?? '')
const byName = (path: string, right: Right = 'telephony:view'): Source => ({ paths: [path], right, name: ({ name }) => text(name) })

const SOURCES: Record<Exclude<RefKind, 'line'>, Source> = {
  announcement: byName('/announcements'),
  audio_file: byName('/audio-files', 'sounds:view'),
  break: byName('/breaks'),
  calendar: byName('/calendars'),
  company: byName('/companies', 'directory:view'),
  conference: byName('/conferences'),
  extension: { paths: ['/extensions'], right: 'directory:view', name: (row) => `${text(row['number'])} ${text(row['display_name'])}` },
  ivr: byName('/ivrs'),
  music_class: byName('/music-classes', 'sounds:view'),
  number: { paths: ['/numbers'], right: 'telephony:view', name: (row) => `${text(row['number'])} ${text(row['label'])}` },
  profile: byName('/profiles', 'users:view'),
  queue: byName('/queues'),
  text_gateway: byName('/text-gateways', 'notices:view'),
  time_condition: byName('/time-conditions'),
  trunk: { paths: ['/trunks', '/e1-trunks'], right: 'trunks:view', name: ({ name }) => text(name) },
  user: byName('/users', 'users:view'),
  voicemail_box: byName('/voicemail-boxes'),
}

async function read(kind: RefKind): Promise<Choice[]> {
  if (kind === 'line') {
    if (!account.may('system:view')) return []
    const { lines } = await client.get<{ lines: { name: string }[] }>('/system')
    return lines.map(({ name }) => ({ id: name, name }))
  }
  const { paths, right, name } = SOURCES[kind]
  if (!account.may(right)) return []
  const lists = await Promise.all(paths.map((path) => client.get<Row[]>(path)))
  const choices = lists.flat().map((row) => ({ id: row.id, name: name(row).trim() }))
  return choices.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }))
}

export class Choices {
  readonly #lists: Resource<Map<RefKind, Choice[]>>

  /** Made while a component is set up. */
  constructor(kinds: Iterable<RefKind>) {
    const wanted = [...kinds]
    this.#lists = new Resource(
      async () => new Map(await Promise.all(wanted.map(async (kind) => [kind, await read(kind)] as const))),
      () => connection.configurationChanges,
    )
  }

  /** Whether all is read; then a stored id that has no name here is of something one may not see. */
  get ready(): boolean {
    return this.#lists.value !== undefined
  }

  get failure(): unknown {
    return this.#lists.failure
  }

  of(kind: RefKind): readonly Choice[] {
    return this.#lists.value?.get(kind) ?? []
  }

  nameOf(kind: RefKind, id: unknown): string {
    return this.of(kind).find((one) => one.id === id)?.name ?? `#${String(id)}`
  }
}
