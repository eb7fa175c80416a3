// Times and durations as people read them. All take the language and the company's time zone; none reads a clock.

/** `21/11/2026 14:05:09` in the language's order. */
export function dateTime(ms: number, locale: string, timeZone: string): string {
  return formatter(locale, { dateStyle: 'short', timeStyle: 'medium', timeZone }).format(ms)
}

/** `14:05` with seconds when asked. */
export function timeOfDay(ms: number, locale: string, timeZone: string, seconds = false): string {
  return formatter(locale, { timeStyle: seconds ? 'medium' : 'short', timeZone }).format(ms)
}

/** Only the time for today, the date and the time for other days. */
export function moment(ms: number, now: number, locale: string, timeZone: string): string {
  if (day(ms, timeZone) === day(now, timeZone)) return timeOfDay(ms, locale, timeZone)
  return formatter(locale, { dateStyle: 'short', timeStyle: 'short', timeZone }).format(ms)
}

export function isSameDay(a: number, b: number, timeZone: string): boolean {
  return day(a, timeZone) === day(b, timeZone)
}

function day(ms: number, timeZone: string): string {
  return formatter('en-CA', { dateStyle: 'short', timeZone }).format(ms)
}

/** A running or ended call's length: `0:07`, `12:34`, `1:02:03`. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const pair = (value: number) => String(value).padStart(2, '0')
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  return hours > 0 ? `${hours}:${pair(minutes)}:${pair(rest)}` : `${minutes}:${pair(rest)}`
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const

/** A length of time in its two largest units, in words: `3 days, 4 hours`. */
export function duration(seconds: number, locale: string): string {
  const whole = Math.max(0, Math.floor(seconds))
  const first = UNITS.findIndex(([, size]) => whole >= size)
  if (first < 0) return unit(0, 'second', locale)
  let rest = whole
  const parts: string[] = []
  for (const [name, size] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(rest / size)
    rest %= size
    if (count > 0) parts.push(unit(count, name, locale))
  }
  return new Intl.ListFormat(locale, { type: 'unit', style: 'long' }).format(parts)
}

function unit(count: number, name: string, locale: string): string {
  return new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'long' }).format(count)
}

const formatters = new Map<string, Intl.DateTimeFormat>()

/** Making a formatter costs more than using it, and lists format hundreds of times. */
function formatter(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale} ${JSON.stringify(options)}`
  let found = formatters.get(key)
  if (!found) {
    found = new Intl.DateTimeFormat(locale, options)
    formatters.set(key, found)
  }
  return found
}

/** A day such as `2026-09-07` with its weekday; it belongs to no time zone. */
export function weekdayAndDate(date: string, locale: string): string {
  const form = { weekday: 'short', day: 'numeric', month: 'long', timeZone: 'UTC' } as const
  return formatter(locale, form).format(Date.parse(`${date}T00:00:00Z`))
}
