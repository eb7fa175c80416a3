// The settings of analogue ports: lines from exchanges (FXO) and telephones (FXS). The learned tone of a line is the line test's.
import { choice, flag, number, ref, text, type Field } from './controls'
import type { Values } from './fields'

/** Where the gateway has tones for. */
const COUNTRIES = ['AR', 'BO', 'BR', 'CL', 'CO', 'EC', 'ES', 'GB', 'ID', 'MX', 'PE', 'PT', 'PY', 'US', 'UY', 'VE']

const more = { more: true } as const
const GAINS = [number('receive_gain', -12, 12, { initial: 0 }), number('transmit_gain', -12, 12, { initial: 0 })]
const COUNTRY = choice('country', 'country', COUNTRIES)
const ECHO = flag('echo_cancellation', true)

export const PORT_FIELDS: Record<'fxo' | 'fxs', readonly Field[]> = {
  fxo: [
    COUNTRY,
    choice('caller_id', 'caller_id_in', ['auto', 'bell202', 'v23', 'dtmf', 'off']),
    ...GAINS,
    ECHO,
    choice('answer', 'answer_detection', ['polarity', 'voice', 'after_dialling'], { wide: true }),
    number('answer_after_seconds', 1, 60, { initial: 10, when: ({ answer }: Values) => answer === 'after_dialling' }),
    flag('polarity_hang_up', true),
    number('busy_repetitions', 0, 10, { initial: 2 }),
    number('loop_interruption_ms', 0, 2000, { initial: 200 }),
    number('silence_seconds', 0, 3600),
    choice('refused_call', 'refused_call', ['ring_out', 'answer_and_tone', 'answer_and_hang_up'], { wide: true }),
    flag('refuse_collect_calls', false, { wide: true }),
    choice('dialling', 'key_sending', ['tones', 'pulses'], more),
    choice('dial_tone', 'dial_tone_rule', ['wait', 'require', 'ignore'], more),
    number('dial_tone_seconds', 1, 15, { initial: 4, ...more, when: ({ dial_tone }: Values) => dial_tone !== 'ignore' }),
    number('flash_ms', 50, 1000, { initial: 300, ...more }),
  ],
  fxs: [
    ref('extension', 'extension'),
    COUNTRY,
    choice('caller_id', 'caller_id_out', ['country', 'bell202', 'v23', 'v23_reversal', 'dtmf', 'dtmf_reversal', 'off']),
    number('ringing', 0, 5),
    ...GAINS,
    ECHO,
    flag('message_lamp', true),
    flag('stutter_tone', true),
    flag('call_waiting', true),
    flag('do_not_disturb'),
    {
      name: 'hot_line',
      kind: 'group',
      nullable: true,
      wide: true,
      fields: () => [text('number', 32, { required: true, mode: 'tel' } as Partial<Field>), number('after_seconds', 0, 15)],
    },
    number('first_key_seconds', 3, 60, { initial: 15, ...more }),
    number('next_key_seconds', 1, 15, { initial: 3, ...more }),
    text('digit_map', 2048, { nullable: true, wide: true, ...more } as Partial<Field>),
    number('flash_min_ms', 80, 1000, more),
    number('flash_max_ms', 0, 1500, { initial: 800, ...more }),
    number('disconnect_ms', 0, 2000, { initial: 600, ...more }),
    flag('pulse_dialling', true, more),
    flag('reverse_on_answer', false, more),
    flag('howler', true, more),
  ],
}
