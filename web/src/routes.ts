// Which screen stands at which path, and what one must be allowed to see it. Screens are loaded when they are first opened.
import type { Component } from 'svelte'
import type { Right } from './rights'
import { below } from './router.svelte'

/** What a screen gets: what follows its own path, such as `new` or an id. */
export interface ScreenProps {
  open: string
}

type Screen = Component<ScreenProps>

interface Route {
  path: string
  right?: Right
  /** It has forms below its path. */
  deep?: true
  load: () => Promise<{ default: unknown }>
}

const objects = (path: string, right: Right): Route => ({ path, right, deep: true, load: () => import('./screens/Objects.svelte') })

const ROUTES: readonly Route[] = [
  { path: '/extensions', right: 'directory:view', deep: true, load: () => import('./screens/Extensions.svelte') },
  { path: '/trunks', right: 'trunks:view', deep: true, load: () => import('./screens/Trunks.svelte') },
  { path: '/lines', right: 'lines:view', deep: true, load: () => import('./screens/Lines.svelte') },
  { path: '/audio-files', right: 'sounds:view', deep: true, load: () => import('./screens/AudioFiles.svelte') },
  { path: '/music-on-hold', right: 'sounds:view', deep: true, load: () => import('./screens/MusicOnHold.svelte') },
  { path: '/calls', right: 'calls:view', load: () => import('./screens/Calls.svelte') },
  { path: '/settings/company', load: () => import('./screens/Company.svelte') },
  { path: '/settings/users', right: 'users:view', deep: true, load: () => import('./screens/Users.svelte') },
  { path: '/settings/tokens', right: 'tokens:view', load: () => import('./screens/Tokens.svelte') },
  { path: '/settings/configuration', right: 'configuration:export', load: () => import('./screens/Configuration.svelte') },
  objects('/companies', 'directory:view'),
  objects('/numbers', 'telephony:view'),
  objects('/inbound-routes', 'telephony:view'),
  objects('/outbound-routes', 'telephony:view'),
  objects('/ivrs', 'telephony:view'),
  objects('/queues', 'telephony:view'),
  objects('/breaks', 'telephony:view'),
  objects('/time-conditions', 'telephony:view'),
  objects('/calendars', 'telephony:view'),
  objects('/announcements', 'telephony:view'),
  objects('/conferences', 'telephony:view'),
  objects('/paging-groups', 'telephony:view'),
  objects('/voicemail-boxes', 'telephony:view'),
  objects('/teams', 'users:view'),
  objects('/profiles', 'users:view'),
  objects('/webhooks', 'notices:view'),
  objects('/mail-notices', 'notices:view'),
  objects('/mail-servers', 'notices:view'),
  objects('/text-gateways', 'notices:view'),
  { path: '/simulate', right: 'telephony:view', load: () => import('./screens/Simulate.svelte') },
  { path: '/queues-now', right: 'live:view', load: () => import('./screens/QueuesNow.svelte') },
  { path: '/messages', right: 'voicemail:view', load: () => import('./screens/Messages.svelte') },
  { path: '/deliveries', right: 'notices:view', load: () => import('./screens/Deliveries.svelte') },
  { path: '/feature-codes', right: 'directory:view', load: () => import('./screens/FeatureCodes.svelte') },
  { path: '/versions', right: 'configuration:view', load: () => import('./screens/Versions.svelte') },
  { path: '/drafts', right: 'configuration:view', load: () => import('./screens/Drafts.svelte') },
  { path: '/update', right: 'system:view', load: () => import('./screens/Update.svelte') },
  { path: '/fleet', right: 'system:view', load: () => import('./screens/Fleet.svelte') },
  { path: '/network', right: 'system:view', load: () => import('./screens/Network.svelte') },
  { path: '/backups', right: 'system:view', load: () => import('./screens/Backups.svelte') },
  { path: '/storage', right: 'system:view', load: () => import('./screens/Storage.svelte') },
  { path: '/audit-log', right: 'audit:view', load: () => import('./screens/AuditLog.svelte') },
  { path: '/system', right: 'system:view', load: () => import('./screens/System.svelte') },
]

export interface Place {
  /** The same for all addresses of one screen. */
  path: string
  open: string
  screen: () => Promise<Screen>
}

const loaded = new Map<string, Promise<Screen>>()

/** Loads a screen once; after a failure it can be tried again. */
function screenOf({ path, load }: Route): Promise<Screen> {
  const known = loaded.get(path)
  if (known) return known
  // Screens without forms below them take no properties, which does no harm.
  const loading = load().then((module) => module.default as Screen)
  loaded.set(path, loading)
  loading.catch(() => loaded.delete(path))
  return loading
}

/** The screen at an address; null when there is none, or none that one may see. */
export function placeAt(path: string, may: (right: Right) => boolean): Place | null {
  for (const route of ROUTES) {
    const open = route.deep ? below(path, route.path) : path === route.path ? '' : null
    if (open !== null) return !route.right || may(route.right) ? { path: route.path, open, screen: () => screenOf(route) } : null
  }
  return null
}
