// What the list of extensions needs to know about them.
import type { Extension, Registration } from '../api/types'

/** The number after the highest one of the commonest length, or nothing to suggest. */
export function freeNumber(extensions: readonly Pick<Extension, 'number'>[]): string {
  const byLength = new Map<number, number[]>()
  for (const { number } of extensions) {
    const group = byLength.get(number.length)
    if (group) group.push(Number(number))
    else byLength.set(number.length, [Number(number)])
  }
  const commonest = [...byLength].sort(([, a], [, b]) => b.length - a.length)[0]
  if (!commonest) return ''
  const [length, numbers] = commonest
  const next = String(numbers.reduce((highest, one) => Math.max(highest, one), 0) + 1)
  return next.length === length ? next : ''
}

export function registrationsOf(extension: Pick<Extension, 'number'>, all: readonly Registration[]): Registration[] {
  return all.filter((one) => one.extension === extension.number)
}
