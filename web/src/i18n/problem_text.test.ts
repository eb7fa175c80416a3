import { beforeAll, describe, expect, it } from 'vitest'
import { Problem, Unreachable } from '../api/problem'
import { language } from './language.svelte'
import { fieldText, problemText } from './problem_text'
import { ptBR } from './pt-BR'

beforeAll(() => {
  language.messages = ptBR
  language.code = 'pt-BR'
})

const problem = (status: number, detail = '', retryAfter: number | null = null) =>
  new Problem(status, 'about:blank', '', detail, [], retryAfter)

describe('a refused field', () => {
  it.each([
    [{ code: 'too_short', limit: '10-256' }, 'Curto demais: 10-256 caracteres.'],
    [{ code: 'too_short', limit: null }, 'Curto demais.'],
    [{ code: 'taken', limit: 'Recepção' }, 'Já está em uso por Recepção.'],
    [{ code: 'last_admin', limit: '1' }, 'Deve restar pelo menos um administrador ativo.'],
    [{ code: 'from_the_future', limit: null }, 'must be blue'],
    [{ code: 'constructor', limit: null }, 'must be blue'],
  ])('%j says %s', (fault, text) => {
    expect(fieldText({ field: 'x', message: 'must be blue', ...fault })).toBe(text)
  })

  it('never says nothing', () => {
    expect(fieldText({ field: 'x', code: 'from_the_future', limit: null, message: '' })).toBe('Não é válido.')
  })
})

describe('a failed request', () => {
  it('is told in the reader’s language', () => {
    expect(problemText(new Unreachable('GET /status'))).toMatch(/^O gateway não responde\./)
    expect(problemText(new TypeError('bug'))).toMatch(/^Algo inesperado/)
    expect(problemText(problem(403, 'The role auditor may not change users.'))).toBe('A sua função não permite isso.')
    expect(problemText(problem(418))).toBe('O gateway recusou isso (erro 418).')
    expect(problemText(problem(503))).toMatch(/erro 503/)
  })

  it('names the object where the sentence alone does not', () => {
    expect(problemText(problem(409, 'Audio 7 is in use.'))).toBe('Não é possível no estado atual. (Audio 7 is in use.)')
  })

  it('says how long to wait', () => {
    expect(problemText(problem(429, '', 1))).toBe('Tentativas demais. Aguarde 1 segundo.')
    expect(problemText(problem(429, '', 8))).toBe('Tentativas demais. Aguarde 8 segundos.')
  })
})
