import { expect, it } from 'vitest'
import { passwordRules } from './password_rules'

const states = (password: string, login = 'maria.souza', person = 'Maria Souza Lima') =>
  Object.fromEntries(passwordRules(password, login, person).map((rule) => [rule.name, rule.state]))

it('asks for ten characters, counted as people count them', () => {
  expect(states('').length).toBe('open')
  expect(states('nueve 123').length).toBe('open')
  expect(states('dez é dez!').length).toBe('kept')
  expect(states('🐈🐈🐈🐈🐈').length).toBe('open')
})

it('sees the login and the name through digits and signs', () => {
  expect(states('').not_login).toBe('open')
  expect(states('Maria.Souza2024').not_login).toBe('broken')
  expect(states('mariasouzalima!').not_login).toBe('broken')
  expect(states('quatro gatos no telhado').not_login).toBe('kept')
  expect(states('123456789012', '', '').not_login).toBe('kept')
})

it('sees runs of signs', () => {
  for (const password of ['aaaaaaaaaa', '0123456789', '9876543210']) expect(states(password).not_common).toBe('broken')
  expect(states('8301947562').not_common).toBe('open')
})
