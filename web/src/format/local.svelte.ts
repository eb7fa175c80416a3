// The formatters bound to the current language, the company's time zone and the gateway's clock.
import { language } from '../i18n/language.svelte'
import * as amount from './amount'
import * as time from './time'

class Clock {
  /** The gateway's time now, stepping each second; a browser's clock may be wrong, and durations must not. */
  now = $state(Date.now())
  #offset = 0
  #timer: ReturnType<typeof setInterval> | undefined

  /** Takes over the gateway's time. */
  set(gatewayMs: number): void {
    this.#offset = gatewayMs - Date.now()
    this.now = gatewayMs
    this.#timer ??= setInterval(() => (this.now = Date.now() + this.#offset), 1000)
  }
}

export const gatewayClock = new Clock()

class Zone {
  name = $state(Intl.DateTimeFormat().resolvedOptions().timeZone)
}

/** The company's time zone; before somebody logs in, the browser's. */
export const zone = new Zone()

export const show = {
  dateTime: (ms: number) => time.dateTime(ms, language.code, zone.name),
  timeOfDay: (ms: number, seconds = false) => time.timeOfDay(ms, language.code, zone.name, seconds),
  moment: (ms: number) => time.moment(ms, gatewayClock.now, language.code, zone.name),
  weekdayAndDate: (date: string) => time.weekdayAndDate(date, language.code),
  duration: (seconds: number) => time.duration(seconds, language.code),
  /** Minutes and seconds. */
  clock: time.clock,
  bytes: (count: number) => amount.bytes(count, language.code),
  percent: (share: number) => amount.percent(share, language.code),
  decimal: (value: number, digits?: number) => amount.decimal(value, language.code, digits),
  /** A country's name in the reader's language. */
  country: (code: string) => new Intl.DisplayNames(language.code, { type: 'region' }).of(code) ?? code,
}
