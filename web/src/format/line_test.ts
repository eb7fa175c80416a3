// What a test of a line has found, as pairs of what and how: for the page and for the report as a file.
import type { FxoSettings, LearnedTone, LineTestReport } from '../api/types'
import { t } from '../i18n/language.svelte'
import { word } from '../i18n/word'
import { show } from './local.svelte'

export type Pair = [what: string, how: string]

const tone = (frequencies: readonly number[]) => `${frequencies.filter((one) => one > 0).join(' + ')} Hz`

const ofCountry = (yes: boolean) => t(yes ? 'found.of_country' : 'found.not_of_country')

function learned({ frequencies, on_ms, off_ms }: LearnedTone): string {
  return t('found.learned', { tone: tone(frequencies), on: on_ms, off: off_ms })
}

/** What the line shows of something, or that it shows nothing. */
function shown(signs: (string | false)[]): string {
  return signs.filter(Boolean).join(', ') || t('found.nothing')
}

function interruption(report: LineTestReport): string | false {
  if (!report.loop_interruption) return false
  const ms = report.loop_interruption_ms
  return ms === null ? t('found.interruption_unknown') : t('found.interruption', { ms })
}

export function findings(report: LineTestReport): Pair[] {
  const { dial_tone, echo, hang_up_tone, caller, takes_tones, noise } = report
  const pairs: Pair[] = [
    [
      t('found.dial_tone'),
      dial_tone
        ? `${t('found.dial_tone_is', { tone: tone(dial_tone.frequencies), level: show.decimal(dial_tone.level), ms: dial_tone.after_ms })}, ${ofCountry(dial_tone.of_country)}`
        : t('found.none'),
    ],
    [t('found.takes_tones'), takes_tones === null ? t('found.not_measured') : t(takes_tones ? 'found.tones' : 'found.pulses')],
    [t('found.noise'), noise === null ? t('found.not_measured') : `${show.decimal(noise)} dBm0`],
    [
      t('found.echo'),
      echo === null
        ? t('found.not_measured')
        : echo.return_loss >= 50
          ? t('found.echo_none')
          : t('found.echo_is', { loss: show.decimal(echo.return_loss), ms: show.decimal(echo.delay_ms) }),
    ],
    [t('found.answer'), shown([report.answer_reversal && t('found.reversal')])],
    [t('found.hang_up'), shown([report.hang_up_reversal && t('found.reversal'), interruption(report)])],
    [
      t('found.busy_tone'),
      hang_up_tone
        ? `${t('found.busy_tone_is', { tone: tone(hang_up_tone.tone.frequencies), on: hang_up_tone.tone.on_ms, off: hang_up_tone.tone.off_ms, level: show.decimal(hang_up_tone.level) })}, ${ofCountry(hang_up_tone.of_country)}`
        : t('found.none'),
    ],
  ]
  if (caller) pairs.push([t('found.caller'), [caller.number, caller.name].filter(Boolean).join(' ') || t('found.caller_none')])
  return pairs
}

const yesNo = (value: boolean) => t(value ? 'yes' : 'no')
const orOff = (value: number) => (value === 0 ? t('off') : String(value))

/** The settings that a test can change. */
export function settingPairs(settings: FxoSettings): Pair[] {
  return [
    [t('port.country'), show.country(settings.country)],
    [t('port.receive_gain'), String(settings.receive_gain)],
    [t('port.transmit_gain'), String(settings.transmit_gain)],
    [t('port.dialling'), word('key_sending', settings.dialling)],
    [t('port.dial_tone'), word('dial_tone_rule', settings.dial_tone)],
    [t('port.answer'), word('answer_detection', settings.answer)],
    [t('port.polarity_hang_up'), yesNo(settings.polarity_hang_up)],
    [t('port.loop_interruption_ms'), orOff(settings.loop_interruption_ms)],
    [t('port.busy_repetitions'), orOff(settings.busy_repetitions)],
    [t('port.learned_tone'), settings.learned_tone ? learned(settings.learned_tone) : t('found.none')],
    [t('port.silence_seconds'), orOff(settings.silence_seconds)],
  ]
}
