import { expect, it } from 'vitest'
import { spelled, timeslots } from './timeslots'

it('reads single timeslots and ranges', () => {
  expect(timeslots('')).toEqual([])
  expect(timeslots(' 1-3, 17;31 ')).toEqual([1, 2, 3, 17, 31])
})

it('makes of what it cannot read something that is refused', () => {
  for (const text of ['x', '3-1', '-5', '1-', '123']) expect(timeslots(text), text).toEqual([0])
})

it('writes runs as ranges', () => {
  expect(spelled([])).toBe('')
  expect(spelled([31, 2, 1, 3, 17, 18])).toBe('1-3, 17-18, 31')
  expect(timeslots(spelled([1, 2, 3, 20]))).toEqual([1, 2, 3, 20])
})
