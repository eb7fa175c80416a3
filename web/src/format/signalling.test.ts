import { beforeAll, expect, it } from 'vitest'
import type { MessageStep, SignalStep } from '../api/types'
import { en } from '../i18n/en'
import { language } from '../i18n/language.svelte'
import { zone } from './local.svelte'
import { messageRow, rowText, signalRow } from './signalling'

beforeAll(() => {
  language.messages = en
  zone.name = 'America/Sao_Paulo'
})

const setup: MessageStep = {
  at: Date.UTC(2026, 10, 22, 12, 0, 5, 7),
  sent: false,
  kind: 'message',
  link: 'I N(S)=0 N(R)=0 P=0',
  message: 'SETUP',
  call: { reference: 7, ours: false },
  details: ['Called party number: 3032, unknown type, ISDN plan'],
}

it('tells a message with its call, its elements and its frame', () => {
  const row = messageRow(setup)
  expect(row.what).toBe('SETUP, call 7 of theirs')
  expect(row.who).toBe('received')
  expect(row.time).toMatch(/^0?9:00:05.*\.007$/)
  expect(row.details).toEqual([...setup.details, setup.link])
  expect(row.isUpkeep).toBe(false)
  expect(rowText(row)).toContain('received: SETUP, call 7 of theirs\n    Called party number')
  expect(messageRow({ ...setup, call: { reference: 0, ours: true } }).what).toBe('SETUP, all calls')
})

it('tells a frame by itself, and one that cannot be read as such', () => {
  const frame: MessageStep = { ...setup, sent: true, kind: 'link', link: 'RR N(R)=3 command P=1', message: null, call: null, details: [] }
  expect(messageRow(frame)).toMatchObject({ who: 'sent', what: frame.link, details: [], isUpkeep: true })
  const noise = messageRow({ ...frame, sent: false, kind: 'unreadable', link: 'for another link: SAPI 5, TEI 0, control 0x03' })
  expect(noise).toMatchObject({ who: 'received, unreadable', isUpkeep: false })
})

it('tells a signal with its beginning and its end', () => {
  const signal: SignalStep = { at_ms: 1234, kind: 'register_heard', signal: 'I-5', begins: true }
  expect(signalRow(signal)).toMatchObject({ time: '1.234 s', who: 'register signal heard', what: 'I-5 begins' })
  expect(signalRow({ ...signal, begins: false }).what).toBe('I-5 ends')
  expect(signalRow({ ...signal, kind: 'line_sent', signal: 'AB=01 answer', begins: null }).what).toBe('AB=01 answer')
  for (const kind of ['line_sent', 'line_heard', 'register_sent', 'register_heard', 'error', 'ended', 'note']) {
    expect(en).toHaveProperty([`signal_kind.${kind}`])
  }
})
