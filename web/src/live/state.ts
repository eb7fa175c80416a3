// What happens on the gateway now, kept up to date from the event stream. Pure: events in, state out.
import type { ActiveCall, Alarm, Id, Live, Registration, TrunkStatus } from '../api/types'

export type LiveEvent =
  | ({ type: 'snapshot' } & Live)
  | { type: 'call_started' | 'call_changed'; call: ActiveCall }
  | { type: 'call_ended'; call: ActiveCall | { id: string } }
  | { type: 'registration_added' | 'registration_changed'; registration: Registration }
  | { type: 'registration_removed'; registration: Pick<Registration, 'extension' | 'contact'> }
  | { type: 'trunk_changed'; trunk: TrunkStatus }
  | { type: 'trunk_removed'; trunk: Id }
  | { type: 'recording_ready'; recording: Id; call: string }
  | { type: 'voicemail_new' | 'voicemail_changed'; message: { id: Id; mailbox: Id } }
  | { type: 'conference_changed'; conference: { conference: Id } }
  | { type: 'conference_ended'; conference: Id }
  | { type: 'alarm_raised'; alarm: Alarm }
  | { type: 'alarm_cleared'; alarm: string }
  | { type: 'configuration_changed'; version?: number }

export const EVENT_NAMES = [
  'snapshot',
  'call_started',
  'call_changed',
  'call_ended',
  'registration_added',
  'registration_changed',
  'registration_removed',
  'trunk_changed',
  'trunk_removed',
  'recording_ready',
  'voicemail_new',
  'voicemail_changed',
  'conference_changed',
  'conference_ended',
  'alarm_raised',
  'alarm_cleared',
  'configuration_changed',
] as const

export const NOTHING: Live = { registrations: [], calls: [], trunks: [], alarms: [] }

export function apply(live: Live, event: LiveEvent): Live {
  switch (event.type) {
    case 'snapshot':
      return { registrations: event.registrations, calls: event.calls, trunks: event.trunks, alarms: event.alarms }
    case 'call_started':
    case 'call_changed':
      return { ...live, calls: put(live.calls, event.call, (call) => call.id) }
    case 'call_ended':
      return { ...live, calls: live.calls.filter((call) => call.id !== event.call.id) }
    case 'registration_added':
    case 'registration_changed':
      return { ...live, registrations: put(live.registrations, event.registration, binding) }
    case 'registration_removed': {
      const gone = binding(event.registration)
      return { ...live, registrations: live.registrations.filter((one) => binding(one) !== gone) }
    }
    case 'trunk_changed':
      return { ...live, trunks: put(live.trunks, event.trunk, (trunk) => String(trunk.id)) }
    case 'trunk_removed':
      return { ...live, trunks: live.trunks.filter((trunk) => trunk.id !== event.trunk) }
    case 'alarm_raised':
      return { ...live, alarms: put(live.alarms, event.alarm, (alarm) => alarm.id) }
    case 'alarm_cleared':
      return { ...live, alarms: live.alarms.filter((alarm) => alarm.id !== event.alarm) }
    default:
      return live
  }
}

/** A registration is known by extension and contact (RFC 3261 §10.3). */
function binding({ extension, contact }: Pick<Registration, 'extension' | 'contact'>): string {
  return `${extension} ${contact}`
}

function put<T>(list: readonly T[], item: T, key: (item: T) => string): T[] {
  const at = list.findIndex((one) => key(one) === key(item))
  return at < 0 ? [...list, item] : list.map((one, index) => (index === at ? item : one))
}
