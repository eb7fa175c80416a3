import { expect, it } from 'vitest'
import { matches } from './found'

it('finds an extension by number and by name without accents', () => {
  const texts = ['2005', 'Recepção São João']
  for (const search of ['', '200', 'RECEPCAO', 'são', 'joao ']) expect(matches(texts, search)).toBe(true)
  expect(matches(texts, '2006')).toBe(false)
})

it('finds nothing across two texts', () => {
  expect(matches(['2005', 'Ana'], '5a')).toBe(false)
})
