// Moments as a date and time in a zone, as the browser's field for them speaks.

/** How far the zone is ahead of UTC at a moment, in milliseconds. */
function offset(ms: number, zone: string): number {
  const parts = new Intl.DateTimeFormat('en', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(ms)
  const part = (type: string) => Number(parts.find((one) => one.type === type)?.value)
  const wall = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'))
  return wall - Math.floor(ms / 1000) * 1000
}

/** `2026-12-24T18:00` in the zone. */
export function toLocal(ms: number, zone: string): string {
  return new Date(ms + offset(ms, zone)).toISOString().slice(0, 16)
}

/** The moment that this is in the zone; null when it is no moment. */
export function fromLocal(text: string, zone: string): number | null {
  if (text === '') return null
  const wall = Date.parse(`${text}:00Z`)
  if (Number.isNaN(wall)) return null
  // The first guess may lie on the other side of a change of the clocks.
  const guess = wall - offset(wall, zone)
  return wall - offset(guess, zone)
}

/** When a day such as `2026-11-23` begins in a zone, or the one after it; blank for no day. */
export function dayBegins(day: string, zone: string, after = 0): number | '' {
  const date = new Date(`${day}T00:00:00Z`)
  if (Number.isNaN(date.getTime())) return ''
  date.setUTCDate(date.getUTCDate() + after)
  return fromLocal(date.toISOString().slice(0, 16), zone) ?? ''
}
