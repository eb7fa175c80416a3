// What happens on the gateway appears by itself: phones, calls, and the connection going and coming.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { finish, launch, NARROW, openAsAdmin, visit } from './browser.mjs'
import { Gateway, within } from './gateway.mjs'

let browser
let gateway
before(async () => {
  browser = await launch()
  gateway = await Gateway.start()
})
after(async () => {
  await browser?.close()
  await gateway?.stop()
})

test('a call is seen ringing, talking, hung up from the page, and in the list afterwards', async () => {
  const ana = await gateway.extension('2001', 'Ana')
  const bruno = await gateway.extension('2002', 'Bruno')
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/')
  await page.getByText('Ninguém está ao telefone.').waitFor()
  await page.getByText('0 de 2').waitFor()

  const answering = gateway.phone(bruno, 'answer')
  await page.getByText('1 de 2').waitFor()
  const calling = gateway.phone(ana, '--tone', '440', '--talk', '60', 'call', '2002')

  const live = page.getByRole('region', { name: 'Ao vivo' })
  await live.getByText('Em chamada').waitFor()
  for (const text of ['2001', 'Ana', '2002', 'Bruno']) await live.getByText(text, { exact: true }).waitFor()
  const [active] = await gateway.api('GET', '/calls/active')
  assert.deepEqual([active.caller.number, active.callee.number, active.state], ['2001', '2002', 'answered'])
  await page.getByRole('link', { name: '1 chamada ativa' }).waitFor()

  // The duration runs by itself.
  const duration = live.getByRole('timer')
  const first = await duration.textContent()
  await within(5_000, 'the duration to run', async () => (await duration.textContent()) !== first)

  await live.getByRole('button', { name: 'Desligar a chamada de 2001 para 2002' }).click()
  await page.getByText('Ninguém está ao telefone.').waitFor()
  await Promise.all([calling.ended, answering.ended])
  assert.deepEqual(await gateway.api('GET', '/calls/active'), [])

  const last = page.getByRole('region', { name: 'Últimas chamadas' })
  await last.getByText('Atendida').waitFor()
  await visit(page, '/calls')
  await page.getByRole('button', { name: 'Detalhes' }).click()
  await page.getByText('2001 discou 2002').waitFor()
  await page.getByText('Encerrada pelo gateway: a pedido de um administrador').waitFor()
  assert.equal(await page.locator('.legs li').count(), 2)
  await page.getByLabel('Resultado').selectOption({ label: 'Ocupado' })
  await page.getByText('Nenhuma chamada corresponde aos filtros.').waitFor()
  await page.getByRole('button', { name: 'Limpar filtros' }).click()
  await page.getByLabel('Sentido').selectOption({ label: 'Entrada' })
  await page.getByText('Nenhuma chamada corresponde aos filtros.').waitFor()
  await page.getByRole('button', { name: 'Limpar filtros' }).click()
  await page.getByLabel('Até o dia').fill('2026-01-01')
  await page.getByText('Nenhuma chamada corresponde aos filtros.').waitFor()
  await page.getByRole('button', { name: 'Limpar filtros' }).click()
  await page.getByRole('searchbox', { name: 'Número' }).fill('2002')
  await page.getByRole('button', { name: 'Detalhes' }).waitFor()
  await finish(page)
})

test('a gateway that goes away is noticed, and taken up again when it is back', async () => {
  const page = await openAsAdmin(browser, gateway, { width: NARROW })
  await visit(page, '/')
  await page.getByText('Funcionando').waitFor()
  await gateway.kill()
  await page.getByRole('alert').getByText('Conexão com o gateway perdida.').waitFor()
  await page.getByText('Sem conexão').waitFor()
  // The screens of before stay readable.
  await page.getByRole('heading', { name: 'Últimas chamadas' }).waitFor()
  await gateway.run()
  await page.getByText('Funcionando').waitFor()
  await page.getByText('Conexão com o gateway perdida.').waitFor({ state: 'detached' })
  await finish(page)
})
