import { describe, expect, it } from 'vitest'
import type { ActiveCall, Registration, TrunkStatus } from '../api/types'
import { readDocument } from './configuration_document'
import { freeNumber, registrationsOf } from './extension'
import { lineLook, lineState } from './line'
import { apply, NOTHING } from './state'

const call = (id: string, state: ActiveCall['state'] = 'ringing'): ActiveCall => ({
  id,
  caller: { number: '2001', name: '' },
  callee: { number: '2002', name: 'Ana' },
  state,
  started_at: 1000,
  answered_at: null,
  codec: null, recording: null,
})

const registration = (extension: string, contact: string): Registration => ({
  extension,
  contact,
  source: '192.0.2.7:5060',
  transport: 'udp',
  user_agent: 'baresip',
  expires_at: 2000,
  registered_at: 1000,
  reachable: true,
})

describe('live events', () => {
  it('follow a call from the first ring to the end', () => {
    let live = apply(NOTHING, { type: 'call_started', call: call('a') })
    live = apply(live, { type: 'call_started', call: call('b') })
    live = apply(live, { type: 'call_changed', call: call('a', 'answered') })
    expect(live.calls.map(({ id, state }) => [id, state])).toEqual([
      ['a', 'answered'],
      ['b', 'ringing'],
    ])
    live = apply(live, { type: 'call_ended', call: call('a') })
    expect(live.calls.map(({ id }) => id)).toEqual(['b'])
    expect(apply(live, { type: 'call_ended', call: call('never') })).toEqual(live)
  })

  it('know a registration by extension and contact', () => {
    let live = apply(NOTHING, { type: 'registration_added', registration: registration('2001', 'sip:a') })
    live = apply(live, { type: 'registration_added', registration: registration('2001', 'sip:b') })
    live = apply(live, { type: 'registration_changed', registration: { ...registration('2001', 'sip:a'), expires_at: 9 } })
    expect(registrationsOf({ number: '2001' }, live.registrations).map((one) => one.expires_at)).toEqual([9, 2000])
    live = apply(live, { type: 'registration_removed', registration: { extension: '2001', contact: 'sip:a' } })
    expect(live.registrations.map(({ contact }) => contact)).toEqual(['sip:b'])
  })

  it('start over with each snapshot', () => {
    const before = apply(NOTHING, { type: 'call_started', call: call('a') })
    const after = apply(before, { type: 'snapshot', calls: [call('c')], registrations: [], trunks: [], alarms: [] })
    expect(after.calls.map(({ id }) => id)).toEqual(['c'])
  })

  it('follow a trunk until it is deleted', () => {
    const trunk = (id: number, state: TrunkStatus['state']): TrunkStatus => ({
      id,
      name: 'Vivo',
      state,
      since: 1000,
      host: 'sip.example.com',
      fault: null,
      status: null,
      registered_until: null,
    })
    let live = apply(NOTHING, { type: 'trunk_changed', trunk: trunk(1, 'unregistered') })
    live = apply(live, { type: 'trunk_changed', trunk: trunk(2, 'ok') })
    live = apply(live, { type: 'trunk_changed', trunk: trunk(1, 'registered') })
    expect(live.trunks.map(({ state }) => state)).toEqual(['registered', 'ok'])
    live = apply(live, { type: 'trunk_removed', trunk: 1 })
    expect(live.trunks.map(({ id }) => id)).toEqual([2])
  })

  it('ignore what a newer gateway adds', () => {
    expect(apply(NOTHING, { type: 'queue_changed' } as never)).toBe(NOTHING)
  })
})

describe('extensions', () => {
  it('suggest the number after the highest of the commonest length', () => {
    const numbers = (...list: string[]) => list.map((number) => ({ number }))
    expect(freeNumber([])).toBe('')
    expect(freeNumber(numbers('2001', '2007', '99999'))).toBe('2008')
    expect(freeNumber(numbers('98', '99'))).toBe('')
  })
})

describe('a configuration file', () => {
  it('says what it holds before it is sent', () => {
    const document = { format: 'ramal-configuration', schema: 1, company: { legal_name: 'Três' }, users: [{}], extensions: [{}, {}] }
    expect(readDocument(JSON.stringify(document))).toMatchObject({ company: 'Três', users: 1, extensions: 2 })
  })

  it.each(['', '{', '[]', 'null', '{"format":"other"}'])('is told apart from %j', (text) => {
    expect(readDocument(text)).toBeNull()
  })
})

describe('a line', () => {
  const line = { id: 1, kind: 'fxo', name: 'FXO 1', number: '', off_hook: false, ringing: false, fault: null } as const

  it('shows what matters most about it', () => {
    expect(lineState(line)).toBe('idle')
    expect(lineState({ ...line, ringing: true })).toBe('ringing')
    expect(lineState({ ...line, ringing: true, off_hook: true })).toBe('in_call')
    expect(lineState({ ...line, off_hook: true, fault: 'no_battery' })).toBe('no_battery')
    expect(lineLook({ ...line, fault: 'hardware' }).kind).toBe('bad')
  })
})
