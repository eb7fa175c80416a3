// What was said on a line, step by step. Signals and messages keep the names of their standards in every language.
import type { MessageStep, SignalStep } from '../api/types'
import { t } from '../i18n/language.svelte'
import { word } from '../i18n/word'
import { show } from './local.svelte'

export interface SignallingRow {
  time: string
  /** Who did it, or what kind of step it is. */
  who: string
  what: string
  /** What belongs to it, a line for each. */
  details: string[]
  /** It only keeps the line going; few want to see it. */
  isUpkeep: boolean
}

export function signalRow({ at_ms, kind, signal, begins }: SignalStep): SignallingRow {
  const state = begins === null ? '' : ` ${t(begins ? 'signalling.begins' : 'signalling.ends')}`
  return { time: `${show.decimal(at_ms / 1000, 3)} s`, who: word('signal_kind', kind), what: signal + state, details: [], isUpkeep: false }
}

function ofCall(call: MessageStep['call']): string {
  if (!call) return ''
  if (call.reference === 0) return `, ${t('signalling.all_calls')}`
  return `, ${t(call.ours ? 'signalling.call_ours' : 'signalling.call_theirs', { reference: call.reference })}`
}

export function messageRow({ at, sent, kind, link, message, call, details }: MessageStep): SignallingRow {
  const way = t(sent ? 'signalling.sent' : 'signalling.received')
  return {
    time: `${show.timeOfDay(at, true)}.${String(at % 1000).padStart(3, '0')}`,
    who: kind === 'unreadable' ? `${way}, ${t('signalling.unreadable')}` : way,
    what: message === null ? link : message + ofCall(call),
    details: message === null ? details : [...details, link],
    isUpkeep: kind === 'link',
  }
}

/** For somebody who reads it elsewhere. */
export const rowText = ({ time, who, what, details }: SignallingRow): string => [`${time} ${who}: ${what}`, ...details.map((line) => `    ${line}`)].join('\n')
