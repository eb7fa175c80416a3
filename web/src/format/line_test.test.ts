import { beforeAll, describe, expect, it } from 'vitest'
import type { FxoSettings, LineTestReport } from '../api/types'
import { en } from '../i18n/en'
import { language } from '../i18n/language.svelte'
import { findings, settingPairs } from './line_test'

const nothing: LineTestReport = {
  dial_tone: null,
  takes_tones: null,
  noise: null,
  echo: null,
  answered: false,
  answer_reversal: false,
  hang_up_reversal: false,
  loop_interruption: false,
  loop_interruption_ms: null,
  hang_up_tone: null,
  caller: null,
  troubles: [],
}

const settings: FxoSettings = {
  country: 'BR',
  receive_gain: 3,
  transmit_gain: 0,
  echo_cancellation: true,
  caller_id: 'auto',
  dialling: 'tones',
  dial_tone: 'wait',
  dial_tone_seconds: 4,
  answer: 'polarity',
  answer_after_seconds: 10,
  polarity_hang_up: true,
  loop_interruption_ms: 0,
  busy_repetitions: 2,
  learned_tone: { frequencies: [425, 0], on_ms: 250, off_ms: 250 },
  silence_seconds: 0,
  flash_ms: 300,
  refuse_collect_calls: false,
  refused_call: 'ring_out',
}

beforeAll(() => {
  language.messages = en
  language.code = 'en'
})

describe('the report of a line test', () => {
  it('says what was not heard or measured', () => {
    const found = Object.fromEntries(findings(nothing))
    expect(found['Dial tone']).toBe('not heard')
    expect(found['Echo return loss']).toBe('not measured')
    expect(found['Hang-up is shown by']).toBe('nothing that the line shows')
    expect(found).not.toHaveProperty('Caller ID of the call')
  })

  it('says what was measured, in the units of the trade', () => {
    const report: LineTestReport = {
      ...nothing,
      dial_tone: { frequencies: [350, 440], level: -12.5, after_ms: 300, of_country: false },
      echo: { return_loss: 18.25, delay_ms: 2.5 },
      loop_interruption: true,
      loop_interruption_ms: 400,
      hang_up_reversal: true,
      hang_up_tone: { tone: { frequencies: [425, 0], on_ms: 250, off_ms: 250 }, level: -10, of_country: true },
      caller: { number: '', name: '' },
    }
    const found = Object.fromEntries(findings(report))
    expect(found['Dial tone']).toBe('350 + 440 Hz at -12.5 dBm0 after 300 ms, not that of this country')
    expect(found['Echo return loss']).toBe('18.3 dB after 2.5 ms')
    expect(found['Hang-up is shown by']).toBe('polarity reversal, current cut for 400 ms')
    expect(found['Tone after hang-up']).toBe('425 Hz, 250 ms on, 250 ms off, -10 dBm0, as in this country')
    expect(found['Caller ID of the call']).toBe('not told')
  })

  it('lists the settings that follow', () => {
    const follow = Object.fromEntries(settingPairs(settings))
    expect(follow['Learned busy tone']).toBe('425 Hz, 250 ms on, 250 ms off')
    expect(follow['Current cut that is a hang-up (ms)']).toBe('Off')
    expect(follow['Country of the tones']).toBe('Brazil')
  })
})
