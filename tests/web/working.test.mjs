// Working with calls: supervised, thought through, left as messages, waiting in queues; what was sent; feature codes.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { finish, launch, NARROW, openAsAdmin, visit } from './browser.mjs'
import { Gateway, within } from './gateway.mjs'

let browser
let gateway
let ana
let bruno
before(async () => {
  browser = await launch()
  gateway = await Gateway.start()
  ana = await gateway.extension('2001', 'Ana')
  bruno = await gateway.extension('2002', 'Bruno')
})
after(async () => {
  await browser?.close()
  await gateway?.stop()
})

test('a call in progress is supervised from the page: the supervisor’s phone takes part', async () => {
  const supervisor = await gateway.extension('2003', 'Clara')
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/')
  const answering = gateway.phone(bruno, 'answer')
  const listening = gateway.phone(supervisor, 'answer')
  await page.getByText('2 de 3').waitFor()
  const calling = gateway.phone(ana, '--tone', '440', '--talk', '60', 'call', '2002')
  const live = page.getByRole('region', { name: 'Ao vivo' })
  await live.getByText('Em chamada').waitFor()
  await live.getByRole('button', { name: 'Supervisionar a chamada de 2001 para 2002' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Escutar').check()
  // The administrator has no extension: the gateway says so beside the field.
  await dialog.getByRole('button', { name: 'Supervisionar' }).click()
  await dialog.locator('select[name=supervisor][aria-invalid=true]').waitFor()
  await dialog.locator('select[name=supervisor]').selectOption({ label: '2003 Clara' })
  await dialog.getByRole('button', { name: 'Supervisionar' }).click()
  await dialog.waitFor({ state: 'detached' })
  // The supervisor's own call ends as soon as he is in the other one: the history has it as answered.
  await within(30_000, 'the supervisor in the call', async () => {
    const { calls } = await gateway.api('GET', '/calls')
    return calls.some(({ caller, result }) => caller.number === '2003' && result === 'answered')
  })
  for (const { id } of await gateway.api('GET', '/calls/active')) await gateway.api('DELETE', `/calls/active/${id}`).catch(() => undefined)
  await Promise.all([calling.ended, answering.ended, listening.ended])
  await finish(page)
})

test('a call is thought through and explained in words', async () => {
  await gateway.api('POST', '/inbound-routes', { name: 'Geral', destination: { to: 'extension', id: ana.extension.id } })
  const page = await openAsAdmin(browser, gateway, { width: NARROW })
  await visit(page, '/simulate')
  await page.getByLabel('Número discado').fill('+555133334444')
  await page.getByLabel('Quando').fill('2030-01-01T12:00')
  await page.getByLabel('Ramal que atende').selectOption({ label: '2001 Ana' })
  await page.getByRole('button', { name: 'Simular' }).click()
  const way = page.getByRole('region', { name: 'O caminho' })
  await way.getByText('A rota de entrada Geral').or(way.getByText('Geral')).first().waitFor()
  await way.getByText('O ramal 2001 atende.').waitFor()
  await page.getByLabel('Número discado').fill('1'.repeat(32))
  await page.getByLabel('Quando').fill('1999-01-01T12:00')
  await page.getByRole('button', { name: 'Simular' }).click()
  await page.locator('input[name=at][aria-invalid=true]').waitFor()
  await finish(page)
})

test('a message that somebody left is listened to, done with and deleted', async () => {
  const box = await gateway.api('POST', '/voicemail-boxes', { name: 'Recados', extensions: [bruno.extension.id], min_seconds: 0 })
  await gateway.api('POST', '/queues', { name: 'Vazia', number: '301', on_empty: { to: 'voicemail', id: box.id } })
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/messages')
  await page.getByText('Sem mensagens.').waitFor()
  await gateway.phone(ana, '--tone', '440', '--talk', '20', 'call', '301').ended
  const row = page.locator('tbody tr').filter({ hasText: '2001' })
  await row.getByText('Nova').waitFor({ timeout: 30_000 })
  await row.getByText('Recados').waitFor()
  const sound = row.locator('audio')
  await sound.evaluate((audio) => audio.play())
  await within(10_000, 'the message to play', () => sound.evaluate((audio) => audio.currentTime > 0))
  await row.getByRole('button', { name: 'Marcar resolvida' }).click()
  await row.getByText('Resolvida').first().waitFor()
  await page.getByLabel('Só as novas').check()
  await page.getByText('Sem mensagens.').waitFor()
  await page.getByLabel('Só as novas').uncheck()
  await row.getByRole('button', { name: /^Excluir/ }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Excluir' }).click()
  await page.getByText('Sem mensagens.').waitFor()
  await finish(page)
})

test('queues are watched: who waits, who takes calls', async () => {
  const agent = await gateway.api('POST', '/users', { login: 'davi.a', name: 'Davi', role: 'agent', password: 'quatro gatos no telhado', extension: bruno.extension.id })
  await gateway.api('POST', '/queues', { name: 'Suporte', number: '302', members: [{ member: 'agent', id: agent.id }] })
  await gateway.api('POST', `/agents/${agent.id}/login`, { extension: bruno.extension.id })
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/queues-now')
  const queue = page.getByRole('region', { name: 'Suporte' })
  await queue.getByText('Ninguém espera').waitFor()
  const calling = gateway.phone(ana, '--tone', '440', '--talk', '5', 'call', '302')
  await queue.getByText('1 espera').waitFor({ timeout: 30_000 })
  await queue.getByRole('listitem').filter({ hasText: '2001' }).waitFor()
  for (const { id } of await gateway.api('GET', '/calls/active')) await gateway.api('DELETE', `/calls/active/${id}`).catch(() => undefined)
  await calling.ended
  await queue.getByText('Ninguém espera').waitFor({ timeout: 30_000 })
  await queue.getByRole('button', { name: 'Pausar: Davi' }).click()
  await queue.getByText('Em pausa').waitFor()
  await queue.getByRole('button', { name: 'Voltar a atender: Davi' }).click()
  await queue.getByRole('button', { name: 'Pausar: Davi' }).waitFor()
  await finish(page)
})

test('who is to be called back by a queue is seen, and let go', async () => {
  await gateway.api('POST', '/queues', { name: 'Retornos', number: '303', callback_key: '1' })
  await gateway.phone(ana, '--talk', '20', 'call', '303', '--digits', '1').ended
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/queues-now')
  const queue = page.getByRole('region', { name: 'Retornos' })
  const waiting = queue.getByRole('list', { name: 'A retornar' }).getByRole('listitem')
  await waiting.filter({ hasText: '2001' }).filter({ hasText: 'espera a sua vez' }).waitFor()
  await waiting.getByRole('button', { name: /^Cancelar o retorno para .*2001$/ }).click()
  await queue.getByText('A retornar').waitFor({ state: 'detached' })
  await queue.getByText('Ninguém espera').waitFor()
  await finish(page)
})

test('what was sent is listed with its answer, and sent again', async () => {
  // Nobody listens at this port.
  const webhook = await gateway.api('POST', '/webhooks', { name: 'CRM', url: 'http://127.0.0.1:9/calls', events: ['call.ended'] })
  await gateway.api('POST', `/webhooks/${webhook.id}/test`)
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/deliveries')
  const row = page.locator('tbody tr').filter({ hasText: 'Webhook: CRM' }).first()
  await row.waitFor({ timeout: 30_000 })
  assert.match(await row.innerText(), /Teste/)
  await finish(page)
})

test('feature codes are changed, refused beside their field, switched off, and brought back', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/feature-codes')
  const echo = page.getByLabel('Teste de eco')
  assert.equal(await echo.inputValue(), '*43')
  await echo.fill('abc')
  await page.getByRole('button', { name: 'Salvar' }).click()
  await page.locator('input[name=echo_test][aria-invalid=true]').waitFor()
  await echo.fill('*44')
  await page.getByLabel('Hora certa').fill('')
  await page.getByRole('button', { name: 'Salvar' }).click()
  await within(10_000, 'the codes', async () => {
    const codes = await gateway.api('GET', '/feature-codes')
    return codes.echo_test === '*44' && codes.speaking_clock === null
  })
  await page.getByRole('button', { name: 'Voltar aos códigos padrão' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Voltar aos códigos padrão' }).click()
  await within(10_000, 'the preset codes', async () => (await gateway.api('GET', '/feature-codes')).echo_test === '*43')
  await finish(page)
})
