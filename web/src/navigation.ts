// The menu: groups in the trade's order. An entry holds one page, or several that belong together and show as tabs.
import type { BareKey } from './i18n/language.svelte'
import type { IconName } from './parts/icons'
import type { MenuPart, Right } from './rights'

export interface Tab {
  path: string
  label: BareKey
  /** What one must be allowed to see it; everybody unless said otherwise. */
  right?: Right
}

interface Item {
  /** The part of the interface that a profile may leave out. */
  part: MenuPart
  icon: IconName
  /** The name of the entry; its first page's unless it has several. */
  label?: BareKey
  pages: readonly Tab[]
}

export interface Entry {
  path: string
  label: BareKey
  icon: IconName
  /** The pages one may see; the first stands at `path`. */
  pages: readonly Tab[]
}

export interface Group {
  /** Unset: the entries stand by themselves. */
  label?: BareKey
  entries: Entry[]
}

interface ItemGroup {
  label?: BareKey
  items: readonly Item[]
}

const one = (part: MenuPart, icon: IconName, path: string, label: BareKey, right?: Right): Item => ({
  part,
  icon,
  pages: [{ path, label, ...(right && { right }) }],
})

const MENU: readonly ItemGroup[] = [
  { items: [one('dashboard', 'home', '/', 'nav.home', 'live:view')] },
  {
    label: 'nav.lines_group',
    items: [
      one('trunks', 'out', '/trunks', 'nav.trunks', 'trunks:view'),
      one('trunks', 'line', '/lines', 'nav.lines', 'lines:view'),
    ],
  },
  {
    label: 'nav.telephony',
    items: [
      one('extensions', 'phone', '/extensions', 'nav.extensions', 'directory:view'),
      one('telephony', 'inbound', '/numbers', 'number.title', 'telephony:view'),
      {
        part: 'telephony',
        icon: 'transfer',
        label: 'nav.routes',
        pages: [
          { path: '/inbound-routes', label: 'inbound_route.title', right: 'telephony:view' },
          { path: '/outbound-routes', label: 'outbound_route.title', right: 'telephony:view' },
        ],
      },
      one('telephony', 'menu', '/ivrs', 'ivr.title', 'telephony:view'),
      {
        part: 'telephony',
        icon: 'clock',
        label: 'time_condition.title',
        pages: [
          { path: '/time-conditions', label: 'time_condition.title', right: 'telephony:view' },
          { path: '/calendars', label: 'calendar.title', right: 'telephony:view' },
        ],
      },
      one('telephony', 'info', '/announcements', 'announcement.title', 'telephony:view'),
      one('telephony', 'users', '/conferences', 'conference.title', 'telephony:view'),
      one('telephony', 'sound', '/paging-groups', 'paging_group.title', 'telephony:view'),
      one('telephony', 'voicemail', '/voicemail-boxes', 'voicemail_box.title', 'telephony:view'),
      one('telephony', 'terminal', '/feature-codes', 'nav.feature_codes', 'telephony:view'),
      one('telephony', 'play', '/simulate', 'nav.simulate', 'telephony:view'),
      one('sounds', 'sound', '/audio-files', 'nav.audio_files', 'sounds:view'),
      one('sounds', 'music', '/music-on-hold', 'nav.music', 'sounds:view'),
    ],
  },
  {
    label: 'nav.call_centre',
    items: [
      one('dashboard', 'eye', '/queues-now', 'nav.queues_now', 'live:view'),
      one('telephony', 'queue', '/queues', 'queue.title', 'telephony:view'),
      one('telephony', 'pause', '/breaks', 'break.title', 'telephony:view'),
    ],
  },
  {
    items: [
      one('calls', 'calls', '/calls', 'nav.calls', 'calls:view'),
      one('voicemail', 'voicemail', '/messages', 'nav.messages', 'voicemail:view'),
    ],
  },
  {
    label: 'nav.settings',
    items: [
      {
        part: 'company',
        icon: 'company',
        label: 'nav.company',
        pages: [
          { path: '/settings/company', label: 'nav.company', right: 'directory:view' },
          { path: '/companies', label: 'hosted_company.title', right: 'company:edit' },
        ],
      },
      {
        part: 'users',
        icon: 'users',
        label: 'nav.users',
        pages: [
          { path: '/settings/users', label: 'nav.users', right: 'users:view' },
          { path: '/teams', label: 'team.title', right: 'users:view' },
          { path: '/profiles', label: 'profile.title', right: 'users:view' },
        ],
      },
      {
        part: 'company',
        icon: 'bell',
        label: 'nav.notices',
        pages: [
          { path: '/mail-notices', label: 'mail_notice.title', right: 'notices:view' },
          { path: '/mail-servers', label: 'mail_server.title', right: 'notices:view' },
          { path: '/webhooks', label: 'webhook.title', right: 'notices:view' },
          { path: '/text-gateways', label: 'text_gateway.title', right: 'notices:view' },
          { path: '/deliveries', label: 'nav.deliveries', right: 'notices:view' },
        ],
      },
      one('tokens', 'key', '/settings/tokens', 'nav.tokens', 'tokens:view'),
    ],
  },
  {
    label: 'nav.system',
    items: [
      one('system', 'system', '/system', 'nav.state', 'system:view'),
      {
        part: 'configuration',
        icon: 'undo',
        label: 'nav.versions',
        pages: [
          { path: '/versions', label: 'nav.versions', right: 'configuration:view' },
          { path: '/drafts', label: 'nav.drafts', right: 'configuration:view' },
          { path: '/settings/configuration', label: 'nav.configuration', right: 'configuration:export' },
        ],
      },
      {
        part: 'system',
        icon: 'refresh',
        label: 'nav.update',
        pages: [
          { path: '/update', label: 'nav.update', right: 'system:view' },
          { path: '/fleet', label: 'nav.fleet', right: 'system:view' },
        ],
      },
      {
        part: 'system',
        icon: 'storage',
        label: 'nav.storage',
        pages: [
          { path: '/storage', label: 'nav.storage', right: 'system:view' },
          { path: '/backups', label: 'nav.backups', right: 'system:view' },
        ],
      },
      one('system', 'line', '/network', 'nav.network', 'system:view'),
      one('audit', 'eye', '/audit-log', 'nav.audit', 'audit:view'),
    ],
  },
]

/** The menu of somebody who may do what `may` says and is shown these parts; groups without an entry are left out. */
export function menuFor(may: (right: Right) => boolean, parts: readonly MenuPart[] | null): Group[] {
  const groups = MENU.map(({ label, items }): Group => {
    const entries = items.filter(({ part }) => parts === null || parts.includes(part)).flatMap((item): Entry[] => {
      const pages = item.pages.filter(({ right }) => !right || may(right))
      const first = pages[0]
      return first ? [{ path: first.path, label: item.label ?? first.label, icon: item.icon, pages }] : []
    })
    return { ...(label && { label }), entries }
  })
  return groups.filter((group) => group.entries.length > 0)
}

export function isAt(place: string, path: string): boolean {
  return place === '/' ? path === '/' : path === place || path.startsWith(place + '/')
}

export function isCurrent(entry: Entry, path: string): boolean {
  return entry.pages.some((page) => isAt(page.path, path))
}
