// A step of a call's way, in the reader's words. The gateway stores codes and values, never sentences.
import { counted, t } from '../i18n/language.svelte'
import { word } from '../i18n/word'

export type TraceStep = Record<string, unknown>

/** When the step was taken: milliseconds after the call arrived. */
export function traceTime(step: TraceStep): number {
  return typeof step['at_ms'] === 'number' ? step['at_ms'] : 0
}

export function traceText(step: TraceStep): string {
  const text = (name: string) => String(step[name] ?? '')
  switch (step['step']) {
    case 'dialled':
      return t('trace.dialled', { by: text('by'), number: text('number') })
    case 'feature_code':
      return t('trace.feature_code', { code: text('code'), feature: word('feature', text('feature')) })
    case 'tells_code':
      return t('trace.tells_code', { number: text('number') })
    case 'extension':
      return t('trace.extension', { number: text('number'), name: text('name') })
    case 'came_in':
    case 'station':
      return t(`trace.${step['step']}`, { number: text('number'), line: text('line') })
    case 'trunk':
      return t('trace.trunk', { number: text('number') })
    case 'diverted_by':
      return t('trace.diverted_by', { number: text('number') || t('party.anonymous') })
    case 'sip_trunk':
      return t('trace.sip_trunk', { trunk: text('trunk'), host: text('host'), number: text('number') })
    case 'sip_trunk_failed':
      return t('trace.sip_trunk_failed', { trunk: text('trunk'), host: text('host'), cause: text('cause') })
    case 'e1_trunk':
      return t('trace.e1_trunk', { trunk: text('trunk'), number: text('number') })
    case 'e1_trunk_failed':
      return t('trace.e1_trunk_failed', { trunk: text('trunk'), cause: text('cause') })
    case 'sip_trunk_passed_over':
      return t('trace.sip_trunk_passed_over', { trunk: text('trunk'), why: word('passed_over', text('because')) })
    case 'refused':
      return t('trace.refused', { reason: word('refused', text('reason')) })
    case 'ringing':
      return t('trace.ringing', { phones: counted('trace.phones', Number(step['contacts'])), seconds: text('seconds') })
    case 'contact_refused':
      return t('trace.contact_refused', { device: text('device'), cause: text('cause') })
    case 'answered_by':
      return t('trace.answered_by', { device: text('device') })
    case 'recording_started':
      return t(step['on_demand'] === true ? 'trace.recording_on_demand' : 'trace.recording_started')
    case 'not_recorded':
      return t('trace.not_recorded', { why: word('recording_problem', text('problem')) })
    case 'number':
      return t('trace.number', { number: text('number'), label: text('label') })
    case 'inbound_route':
      return t('trace.inbound_route', { route: text('route') })
    case 'outbound_route':
      return t('trace.outbound_route', { route: text('route'), pattern: text('pattern') })
    case 'number_refuses':
      return t('trace.number_refuses', { why: word('number_refuses', text('because')) })
    case 'time_condition': {
      const values = { condition: text('condition'), time: text('local_time'), way: word('fork', text('fork')) }
      if (!step['holiday']) return t('trace.time_condition', values)
      return t('trace.time_condition_holiday', { ...values, holiday: text('holiday') })
    }
    case 'announcement':
      return t('trace.announcement', { announcement: text('announcement') })
    case 'ivr':
      return t('trace.ivr', { ivr: text('ivr') })
    case 'ivr_key':
      return t('trace.ivr_key', { key: text('key'), label: text('label') })
    case 'ivr_invalid':
      return t('trace.ivr_invalid', { keys: text('keys') })
    case 'queue':
      return t('trace.queue', { queue: text('queue') })
    case 'queue_waits':
      return t('trace.queue_waits', { position: text('position') })
    case 'queue_rings':
      return t('trace.queue_rings', { numbers: Array.isArray(step['numbers']) ? step['numbers'].join(', ') : '' })
    case 'queue_paused':
      return t('trace.queue_paused', { number: text('number') })
    case 'queue_taken':
      return t('trace.queue_taken', { seconds: text('waited') })
    case 'queue_timeout':
      return t('trace.queue_timeout', { seconds: text('seconds') })
    case 'queue_full':
    case 'queue_empty':
      return t(`trace.${step['step']}`)
    case 'agent':
      return t('trace.agent', { did: word('agent_did', text('did')) })
    case 'voicemail':
      return t('trace.voicemail', { mailbox: text('mailbox') })
    case 'conference':
      return t('trace.conference', { room: text('room') })
    case 'emergency':
    case 'key_asked':
      return t('trace.key_asked', { number: text('number') })
    case 'key_pressed':
      return t('trace.key_pressed', { number: text('number') })
    case 'key_missing':
      return t('trace.key_missing', { number: text('number') })
    case 'toll_barred':
      return t('trace.toll_barred', {
        number: text('number'),
        class: word('toll_class', text('class')),
        by: text('by'),
        why: word('refused', text('reason')),
      })
    case 'number_hidden':
      return t('trace.number_hidden')
    case 'forwarded_by':
      return t('trace.forwarded_by', {
        extension: text('extension'),
        calls: word('forwarded_because', text('because')),
        number: text('number'),
      })
    case 'forwarded':
    case 'rings':
    case 'ivr_extension':
      return t(`trace.${step['step']}`, { number: text('number') })
    case 'passed_over':
      return t('trace.passed_over', { number: text('number'), why: word('unreached', text('because')) })
    case 'offline_action':
      return t('trace.offline_action', { action: word('offline_action', action(step['action'])) })
    case 'led_to_end':
      return t('trace.led_to_end', { clearing: word('clearing', text('clearing')) })
    case 'ivr_timeout':
    case 'ivr_exceeded':
    case 'nobody_online':
    case 'all_busy':
    case 'rings_nobody':
    case 'round_in_circles':
      return t(`trace.${step['step']}`)
    case 'recording_notice_played':
    case 'recording_paused':
    case 'recording_resumed':
    case 'recording_stopped':
      return t(`trace.${step['step']}`)
    case 'answered_by_gateway':
    case 'no_answer':
    case 'caller_gave_up':
      return t(`trace.${step['step']}`)
    case 'held':
    case 'resumed':
    case 'hung_up':
    case 'transferred':
      return t(`trace.${step['step']}`, { who: word('end', text('by')) })
    case 'paging':
      return t('trace.paging', { group: text('group') })
    case 'pickup_code':
      return t('trace.pickup_code', { code: text('code') })
    case 'parked':
    case 'park_taken':
      return t(`trace.${step['step']}`, { by: text('by'), slot: text('slot') })
    case 'park_returns':
      return t('trace.park_returns', { to: text('to'), slot: text('slot') })
    case 'supervised':
      return t('trace.supervised', { by: text('by'), of: text('of'), mode: word('supervision', text('mode')) })
    case 'third_joined':
    case 'third_left':
      return t(`trace.${step['step']}`, { number: text('number') })
    case 'consults':
      return t('trace.consults', { who: word('end', text('by')), number: text('number') })
    case 'queue_callback':
      return t('trace.queue_callback', { number: text('number'), position: text('position') })
    case 'queue_calls_back':
      return t('trace.queue_calls_back', { number: text('number'), waited: text('waited') })
    case 'voicedrop':
      return t('trace.voicedrop', { who: word('end', text('by')), message: text('message') })
    case 'consult_swapped':
      return t('trace.consult_swapped', { who: word('end', text('by')) })
    case 'consult_ended':
      return t('trace.consult_ended', { how: word('consult_end', text('how')) })
    case 'picked_up':
      return t('trace.picked_up', { by: text('by') })
    case 'transfer_asked':
      return t('trace.transfer_asked', { who: word('end', text('by')), number: text('number') })
    case 'transferor_left':
      return t('trace.transferor_left', { who: word('end', text('end')) })
    case 'transfer_failed':
      return t('trace.transfer_failed', { who: word('end', text('by')), cause: text('cause') })
    case 'replaced':
      return t('trace.replaced', { by: text('by'), who: word('end', text('end')) })
    case 'fax':
      return t('trace.fax', { who: word('end', text('by')) })
    case 'media_lost':
      return t('trace.media_lost', { who: word('end', text('from')) })
    case 'unsecured':
      return t('trace.unsecured', { who: word('end', text('end')), why: word('unsecured', text('why')) })
    case 'mailbox_opened':
      return t('trace.mailbox_opened', { mailbox: text('mailbox') })
    case 'greeting_played':
      return t('trace.greeting_played', { greeting: word('greeting', text('greeting')) })
    case 'message_left':
      return t('trace.message_left', { seconds: text('seconds') })
    case 'message_not_left':
      return t('trace.message_not_left', { why: word('not_left', text('reason')) })
    case 'wrong_pin':
      return t('trace.wrong_pin', { attempt: text('attempt') })
    case 'pins_refused':
      return t('trace.pins_refused')
    case 'conference_joined':
      return t(step['moderator'] === true ? 'trace.conference_moderator' : 'trace.conference_joined', {
        conference: text('conference'),
        members: text('members'),
      })
    case 'conference_refused':
      return t('trace.conference_refused', { conference: text('conference'), why: word('no_entry', text('reason')) })
    case 'conference_removed':
      return t('trace.conference_removed', { conference: text('conference') })
    case 'ended_here':
      return t('trace.ended_here', { why: word('ended', text('why')) })
    default:
      return unknown(step)
  }
}

/** Which action it is, of an action with its values. */
function action(value: unknown): string {
  return typeof value === 'object' && value !== null && 'action' in value ? String(value.action) : ''
}

/** A step of a newer gateway: everything it says, as it came. */
function unknown(step: TraceStep): string {
  const rest = Object.entries(step)
    .filter(([key, value]) => key !== 'step' && key !== 'at_ms' && value !== null && value !== '')
    .map(([key, value]) => `${key} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
  return [String(step['step'] ?? '').replaceAll('_', ' '), rest.join(', ')].filter(Boolean).join(': ')
}
