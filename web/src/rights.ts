// Who may do what, as the gateway says in the session. It decides and refuses; this only keeps from people what they would
// be refused anyway.

/** What a permission is about. */
export const AREAS = [
  'directory',
  'company',
  'extensions',
  'trunks',
  'lines',
  'telephony',
  'sounds',
  'users',
  'tokens',
  'live',
  'bans',
  'agents',
  'calls',
  'recordings',
  'recording_settings',
  'voicemail',
  'conferences',
  'notices',
  'system',
  'configuration',
  'audit',
] as const
export type Area = (typeof AREAS)[number]

export const VERBS = ['view', 'create', 'edit', 'delete', 'apply', 'listen', 'export'] as const
export type Verb = (typeof VERBS)[number]

/** Whose things a permission is about; each includes those before it. */
export const SCOPES = ['own', 'team', 'company', 'all'] as const
export type Scope = (typeof SCOPES)[number]

/** Parts of this interface that a profile may leave out. */
export const MENUS = [
  'dashboard',
  'calls',
  'voicemail',
  'extensions',
  'trunks',
  'telephony',
  'sounds',
  'company',
  'users',
  'tokens',
  'system',
  'configuration',
  'audit',
] as const
export type MenuPart = (typeof MENUS)[number]

export interface Permission {
  area: Area
  verb: Verb
  scope: Scope
}

export type Right = `${Area}:${Verb}`

/** Areas whose things belong to people, so that the scopes of one's own and of the team mean something. */
const PERSONAL: readonly Area[] = ['users', 'live', 'agents', 'calls', 'recordings', 'voicemail']

/** The verbs that the gateway asks for in each area. */
export const VERBS_OF: Record<Area, readonly Verb[]> = {
  directory: ['view'],
  company: ['edit'],
  extensions: ['view', 'create', 'edit', 'delete'],
  trunks: ['view', 'create', 'edit', 'delete'],
  lines: ['view', 'edit'],
  telephony: ['view', 'create', 'edit', 'delete'],
  sounds: ['view', 'create', 'edit', 'delete'],
  users: ['view', 'create', 'edit', 'delete'],
  tokens: ['view', 'create', 'delete'],
  live: ['view', 'delete', 'listen'],
  bans: ['view', 'delete'],
  agents: ['view', 'edit', 'apply'],
  calls: ['view', 'create', 'export'],
  recordings: ['view', 'create', 'delete', 'listen'],
  recording_settings: ['edit'],
  voicemail: ['view', 'edit', 'delete', 'listen'],
  conferences: ['edit', 'delete'],
  notices: ['view', 'create', 'edit', 'delete', 'apply'],
  system: ['view'],
  configuration: ['view', 'create', 'delete', 'apply', 'export'],
  audit: ['view', 'export'],
}

export const scopesOf = (area: Area): readonly Scope[] => (PERSONAL.includes(area) ? SCOPES : SCOPES.slice(2))

/** Everything somebody may do. */
export class Rights {
  readonly #rights: ReadonlySet<string>

  constructor(permissions: readonly Permission[]) {
    this.#rights = new Set(permissions.map(({ area, verb }) => `${area}:${verb}`))
  }

  allow(right: Right): boolean {
    return this.#rights.has(right)
  }
}
