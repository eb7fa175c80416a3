import { describe, expect, it } from 'vitest'
import { bytes, decimal, percent } from './amount'
import { flatten } from './counters'
import { clock, dateTime, duration, isSameDay, moment, timeOfDay } from './time'
import { timeZones } from './time_zones'

// 21 November 2026, 02:30:09 UTC; still the 20th in Brazil.
const NIGHT = Date.UTC(2026, 10, 21, 2, 30, 9)

describe('times', () => {
  it('show in the company’s zone and the reader’s language', () => {
    expect(dateTime(NIGHT, 'pt-BR', 'America/Sao_Paulo')).toMatch(/^20\/11\/2026,? 23:30:09$/)
    expect(dateTime(NIGHT, 'es', 'Europe/Madrid')).toMatch(/^21\/11\/26,? 3:30:09$/)
    expect(timeOfDay(NIGHT, 'id', 'Asia/Jakarta')).toBe('09.30')
    expect(timeOfDay(NIGHT, 'pt-BR', 'America/Sao_Paulo', true)).toBe('23:30:09')
  })

  it('drop the date of today only', () => {
    const zone = 'America/Sao_Paulo'
    expect(moment(NIGHT, NIGHT + 60_000, 'pt-BR', zone)).toBe('23:30')
    expect(moment(NIGHT, NIGHT + 3_600_000, 'pt-BR', zone)).toMatch(/^20\/11\/2026/)
    expect(isSameDay(NIGHT, NIGHT + 3_600_000, 'Etc/UTC')).toBe(true)
    expect(isSameDay(NIGHT, NIGHT + 3_600_000, zone)).toBe(false)
  })
})

describe('lengths of time', () => {
  it.each([
    [-5, '0:00'],
    [0, '0:00'],
    [7_999, '0:07'],
    [754_000, '12:34'],
    [3_723_000, '1:02:03'],
    [360_000_000, '100:00:00'],
  ])('%d ms run as %s', (ms, text) => expect(clock(ms)).toBe(text))

  it('name their two largest units', () => {
    expect(duration(0, 'en')).toBe('0 seconds')
    expect(duration(59, 'en')).toBe('59 seconds')
    expect(duration(3_600, 'en')).toBe('1 hour')
    expect(duration(3_661, 'en')).toBe('1 hour, 1 minute')
    expect(duration(2 * 86_400 + 3 * 3_600 + 59, 'pt-BR')).toBe('2 dias e 3 horas')
  })
})

describe('amounts', () => {
  it('follow the language', () => {
    expect(bytes(0, 'en')).toBe('0 byte')
    expect(bytes(6_130_000_000, 'pt-BR').replace(/\s/, ' ')).toBe('6,1 GB')
    expect(bytes(58_400_000_000, 'en')).toBe('58 GB')
    expect(bytes(5e16, 'en')).toBe('50,000 TB')
    expect(percent(0.894, 'en')).toBe('89%')
    expect(decimal(1234.56, 'pt-BR')).toBe('1.234,6')
  })
})

describe('time zones', () => {
  it('always offer the selected one, once', () => {
    const { near, other } = timeZones('BR', 'Mars/Olympus_Mons')
    expect([...near, ...other].filter((zone) => zone === 'Mars/Olympus_Mons')).toHaveLength(1)
    expect([...near, ...other].filter((zone) => zone === 'America/Sao_Paulo')).toHaveLength(1)
    expect(timeZones('', '').near).toEqual([])
  })
})

it('flattens nested counters', () => {
  expect(flatten({ sip: { received: { invite: 3 } }, name: 'x', none: null, total: 0 })).toEqual([
    ['sip.received.invite', 3],
    ['total', 0],
  ])
  expect(flatten({ sip: { sent: [{ name: 'invite', count: 2 }, { name: '1xx' }, null] } })).toEqual([['sip.sent.invite', 2]])
})
