// What the form of an object is described by: its fields, nested as the API nests them. Pure: values in, values out.

/** Objects that a field can name. */
export type RefKind =
  | 'announcement'
  | 'audio_file'
  | 'break'
  | 'calendar'
  | 'company'
  | 'conference'
  | 'extension'
  | 'ivr'
  | 'line'
  | 'music_class'
  | 'number'
  | 'profile'
  | 'queue'
  | 'text_gateway'
  | 'time_condition'
  | 'trunk'
  | 'user'
  | 'voicemail_box'

export type Values = Record<string, unknown>

interface Named {
  name: string
  /** Must be filled in; the gateway refuses it otherwise. */
  required?: true
  /** Folded away: few need it. */
  more?: true
  /** Takes both columns. */
  wide?: true
  /** What a new object begins with. */
  initial?: unknown
  /** Shown only while this holds; the gateway keeps what is hidden. */
  when?: (values: Values) => boolean
}

export type Control =
  | { kind: 'text'; max: number; mode?: 'tel' | 'email' | 'url' | 'long'; nullable?: true }
  /** Write-only: what is left blank is not sent, and stays. */
  | { kind: 'secret'; max: number }
  | { kind: 'number'; min: number; max: number; nullable?: true }
  | { kind: 'flag' }
  /** `words` is the group of the words for the codes; a nullable one has a word for none under its label. */
  | { kind: 'choice'; of: readonly (string | boolean)[]; words: string; nullable?: true }
  | { kind: 'key'; nullable?: true }
  | { kind: 'ref'; of: RefKind; nullable?: true }
  | { kind: 'refs'; of: RefKind }
  /** Texts separated by commas. */
  | { kind: 'strings'; mode?: 'tel' | 'email' }
  /** Numbers as people write them: `1-3, 17`. */
  | { kind: 'numbers' }
  | { kind: 'checks'; of: readonly (string | number)[]; words: string; nullable?: true }
  /** A moment in the company's time. */
  | { kind: 'moment'; nullable?: true }
  | { kind: 'time' }
  /** One of several forms, told apart by the field `tag`. */
  | { kind: 'union'; tag: string; words: string; cases: () => Record<string, readonly Field[]>; nullable?: true }
  | { kind: 'rows'; item: () => readonly Field[] | UnionControl }
  | { kind: 'group'; fields: () => readonly Field[]; nullable?: true }
  | { kind: 'permissions' }

export type UnionControl = Extract<Control, { kind: 'union' }>
export type Field = Named & Control

const isUnion = (item: readonly Field[] | UnionControl): item is UnionControl => 'cases' in item

/** The value that a new field begins with. */
export function blank(field: Control & { initial?: unknown }): unknown {
  if (field.initial !== undefined) return structuredClone(field.initial)
  if ('nullable' in field && field.nullable) return null
  switch (field.kind) {
    case 'text':
    case 'secret':
    case 'key':
    case 'time':
      return ''
    case 'number':
      return field.min
    case 'flag':
      return false
    case 'choice':
      return field.of[0]
    case 'ref':
    case 'moment':
      return null
    case 'union':
      return blankCase(field, Object.keys(field.cases())[0] ?? '')
    case 'group':
      return blankAll(field.fields())
    default:
      return []
  }
}

export function blankAll(fields: readonly Field[]): Values {
  return Object.fromEntries(fields.map((field) => [field.name, blank(field)]))
}

export function blankCase(union: UnionControl, tag: string): Values {
  return { [union.tag]: tag, ...blankAll(union.cases()[tag] ?? []) }
}

export function blankRow(item: readonly Field[] | UnionControl): Values {
  return isUnion(item) ? (blank(item) as Values) : blankAll(item)
}

/** The stored values with what they lack begun, and without what the form does not know (`id`, `used_by`). */
export function filled(fields: readonly Field[], stored: Values): Values {
  return Object.fromEntries(
    fields.map((field) => [field.name, stored[field.name] === undefined ? blank(field) : structuredClone(stored[field.name])]),
  )
}

/** What is sent: without secrets that were left blank. */
export function tidied(fields: readonly Field[], values: Values): Values {
  const entries = fields.flatMap((field): [string, unknown][] => {
    const value = values[field.name]
    if (field.kind === 'secret' && value === '') return []
    if (field.kind === 'group' && value !== null) return [[field.name, tidied(field.fields(), value as Values)]]
    if (field.kind === 'union' && value !== null) return [[field.name, tidiedCase(field, value as Values)]]
    if (field.kind === 'rows') {
      const item = field.item()
      const rows = (value as Values[]).map((row) => (isUnion(item) ? tidiedCase(item, row) : tidied(item, row)))
      return [[field.name, rows]]
    }
    return [[field.name, value]]
  })
  return Object.fromEntries(entries)
}

function tidiedCase(union: UnionControl, value: Values): Values {
  const tag = String(value[union.tag])
  return { [union.tag]: tag, ...tidied(union.cases()[tag] ?? [], value) }
}

/** The described field that an error at `path` belongs to, such as `keys[2].destination` for `keys[2].destination.id`. */
export function placeOf(fields: readonly Field[], path: string): string | undefined {
  const [, name, index, rest] = /^(\w+)(\[\d+\])?\.?(.*)$/.exec(path) ?? []
  const field = fields.find((one) => one.name === name)
  if (!field || name === undefined) return undefined
  if (field.kind === 'rows') {
    if (!index) return name
    const item = field.item()
    const inner = isUnion(item) ? placeInCases(item, rest ?? '') : placeOf(item, rest ?? '')
    return inner ? `${name}${index}.${inner}` : `${name}${index}`
  }
  const inner =
    field.kind === 'group' ? placeOf(field.fields(), rest ?? '') : field.kind === 'union' ? placeInCases(field, rest ?? '') : undefined
  return inner ? `${name}.${inner}` : name
}

function placeInCases(union: UnionControl, path: string): string | undefined {
  for (const fields of Object.values(union.cases())) {
    const place = placeOf(fields, path)
    if (place) return place
  }
  return undefined
}

/** Every kind of object that the fields can name, nested ones included. */
export function refsOf(fields: readonly Field[], found: Set<RefKind> = new Set(), seen: Set<unknown> = new Set()): Set<RefKind> {
  for (const field of fields) {
    if (field.kind === 'ref' || field.kind === 'refs') found.add(field.of)
    if (field.kind === 'group') refsOf(field.fields(), found, seen)
    if (field.kind === 'rows') {
      const item = field.item()
      if (isUnion(item)) refsOfCases(item, found, seen)
      else refsOf(item, found, seen)
    }
    if (field.kind === 'union') refsOfCases(field, found, seen)
  }
  return found
}

function refsOfCases(union: UnionControl, found: Set<RefKind>, seen: Set<unknown>): void {
  // Destinations lead to destinations.
  if (seen.has(union.cases)) return
  seen.add(union.cases)
  for (const fields of Object.values(union.cases())) refsOf(fields, found, seen)
}
