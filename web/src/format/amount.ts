// Numbers as people read them.

const SIZES = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const

/** Bytes in the largest fitting decimal unit, with at most one digit after the point. */
export function bytes(count: number, locale: string): string {
  let value = Math.max(0, count)
  let size = 0
  while (value >= 1000 && size < SIZES.length - 1) {
    value /= 1000
    size += 1
  }
  return new Intl.NumberFormat(locale, {
    style: 'unit',
    unit: SIZES[size],
    unitDisplay: 'short',
    maximumFractionDigits: value < 10 && size > 0 ? 1 : 0,
  }).format(value)
}

/** A share from 0 to 1 as a whole percentage. */
export function percent(share: number, locale: string): string {
  return new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 }).format(share)
}

export function decimal(value: number, locale: string, digits = 1): string {
  return new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value)
}
