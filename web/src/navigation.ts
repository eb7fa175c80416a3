// The menu: groups in the trade's order, holding the screens that exist.
import type { BareKey } from './i18n/language.svelte'
import type { IconName } from './parts/icons'
import type { Right } from './rights'

export interface Entry {
  path: string
  label: BareKey
  icon: IconName
  /** What one must be allowed to see it; everybody unless said otherwise. */
  right?: Right
}

export interface Group {
  /** Unset: the entries stand by themselves. */
  label?: BareKey
  entries: Entry[]
}

const MENU: readonly Group[] = [
  { entries: [{ path: '/', label: 'nav.home', icon: 'home', right: 'view_live' }] },
  {
    label: 'nav.telephony',
    entries: [
      { path: '/extensions', label: 'nav.extensions', icon: 'phone' },
      { path: '/trunks', label: 'nav.trunks', icon: 'out', right: 'view_trunks' },
      { path: '/audio-files', label: 'nav.audio_files', icon: 'sound', right: 'view_sounds' },
      { path: '/music-on-hold', label: 'nav.music', icon: 'music', right: 'view_sounds' },
    ],
  },
  { entries: [{ path: '/calls', label: 'nav.calls', icon: 'calls', right: 'view_calls' }] },
  {
    label: 'nav.settings',
    entries: [
      { path: '/settings/company', label: 'nav.company', icon: 'company' },
      { path: '/settings/users', label: 'nav.users', icon: 'users', right: 'edit_users' },
      { path: '/settings/tokens', label: 'nav.tokens', icon: 'key', right: 'edit_tokens' },
      { path: '/settings/configuration', label: 'nav.configuration', icon: 'transfer', right: 'move_configuration' },
    ],
  },
  { entries: [{ path: '/system', label: 'nav.system', icon: 'system', right: 'view_system' }] },
]

/** The menu of somebody who may do what `may` says; groups without an entry are left out. */
export function menuFor(may: (right: Right) => boolean): Group[] {
  return MENU.map((group) => ({ ...group, entries: group.entries.filter(({ right }) => !right || may(right)) })).filter(
    (group) => group.entries.length > 0,
  )
}

export function isCurrent(entry: Entry, path: string): boolean {
  return entry.path === '/' ? path === '/' : path === entry.path || path.startsWith(entry.path + '/')
}
