import { describe, expect, it } from 'vitest'
import { dayBegins, fromLocal, toLocal } from './local_time'

describe('moments in a zone', () => {
  it('are written as they are on the clock there', () => {
    const ms = Date.UTC(2026, 11, 24, 21, 0)
    expect(toLocal(ms, 'America/Sao_Paulo')).toBe('2026-12-24T18:00')
    expect(fromLocal('2026-12-24T18:00', 'America/Sao_Paulo')).toBe(ms)
    expect(fromLocal('', 'America/Sao_Paulo')).toBeNull()
  })

  it('come back where clocks change', () => {
    for (const text of ['2026-03-29T01:30', '2026-03-29T03:30', '2026-10-25T00:30', '2026-10-25T04:00']) {
      expect(toLocal(fromLocal(text, 'Europe/Madrid') ?? 0, 'Europe/Madrid')).toBe(text)
    }
  })

  it('are where days begin and end', () => {
    expect(dayBegins('2026-11-23', 'America/Sao_Paulo')).toBe(Date.UTC(2026, 10, 23, 3))
    expect(dayBegins('2026-12-31', 'America/Sao_Paulo', 1)).toBe(Date.UTC(2027, 0, 1, 3))
    expect(dayBegins('', 'UTC')).toBe('')
  })
})
