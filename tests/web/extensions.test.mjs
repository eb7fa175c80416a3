// Extensions: add in three clicks, see the secret once, change, delete.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { finish, launch, NARROW, openAsAdmin, visit } from './browser.mjs'
import { Gateway } from './gateway.mjs'

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

const numbers = async () => (await gateway.api('GET', '/extensions')).map(({ number }) => number)

test('an extension is added from home in at most three clicks, and its secret is shown once', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/')
  await page.evaluate(() => {
    globalThis.clicks = 0
    document.addEventListener('click', () => (globalThis.clicks += 1), { capture: true })
  })
  await page.getByRole('navigation', { name: 'Menu principal' }).getByRole('link', { name: 'Ramais' }).click()
  await page.getByRole('link', { name: 'Adicionar ramal' }).click()
  const form = page.getByRole('dialog', { name: 'Adicionar ramal' })
  await form.getByLabel('Número').fill('2001')
  await form.getByLabel('Nome').fill('Recepção')
  await form.getByRole('button', { name: 'Salvar' }).click()
  const ready = page.getByRole('dialog', { name: 'O ramal 2001 está pronto' })
  await ready.waitFor()
  assert.ok((await page.evaluate(() => globalThis.clicks)) <= 3)

  const settings = await ready.locator('dl > div').evaluateAll((rows) =>
    rows.map((row) => [row.querySelector('dt').textContent, row.querySelector('dd :is(code, span)').textContent]),
  )
  const { 'Servidor SIP': server, Usuário: user, Senha: secret } = Object.fromEntries(settings)
  assert.deepEqual([server, user], ['127.0.0.1', '2001'])
  assert.match(secret, /^\w{20}$/)
  await ready.getByRole('button', { name: 'Copiar: Senha' }).click()
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret)

  // The secret registers a phone, and is nowhere else.
  await gateway.register({ extension: { number: user }, secret })
  await ready.getByRole('button', { name: 'Já anotei' }).click()
  await page.getByText('1 telefone registrado').waitFor()
  assert.ok(!(await page.content()).includes(secret))
  await visit(page, '/extensions')
  await page.getByRole('link', { name: 'Editar o ramal 2001' }).click()
  await page.getByRole('dialog', { name: 'Ramal 2001' }).getByText('Telefones registrados').waitFor()
  assert.ok(!(await page.content()).includes(secret))
  assert.ok(!JSON.stringify(await gateway.api('GET', '/extensions')).includes(secret))
  await finish(page)
})

test('what the gateway refuses stands at the field, in the reader’s language', async () => {
  await gateway.extension('2100', 'Depósito')
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/extensions/new')
  const form = page.getByRole('dialog')
  const number = form.getByLabel('Número')
  await form.getByLabel('Nome').fill('Carla')
  for (const [typed, said] of [
    ['2100', 'Já está em uso por Depósito.'],
    ['21a0', 'Use somente dígitos: 2-7.'],
    ['2', 'Curto demais: 2-7 caracteres.'],
    ['', 'Preencha este campo.'],
  ]) {
    await number.fill(typed)
    await form.getByRole('button', { name: 'Salvar' }).click()
    await form.getByText(said).waitFor()
    const described = await number.getAttribute('aria-describedby')
    const texts = await page.evaluate((ids) => ids.split(' ').map((id) => document.getElementById(id).textContent), described)
    assert.ok(texts.some((text) => text.includes(said)), typed)
  }
  await form.getByText('Mais configurações').click()
  await form.getByLabel('Tempo de toque').fill('999')
  await number.fill('2101')
  await form.getByRole('button', { name: 'Salvar' }).click()
  await form.getByText('Escolha um valor de 5-300.').waitFor()
  await finish(page)
})

test('an extension is found, changed and renumbered', async () => {
  const { extension } = await gateway.extension('2200', 'Sala São João')
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/extensions')
  await page.getByRole('searchbox').fill('sao joao')
  await page.getByText('1 ramal', { exact: true }).waitFor()
  await page.getByRole('link', { name: 'Editar o ramal 2200' }).click()
  const form = page.getByRole('dialog', { name: 'Ramal 2200' })
  await form.getByLabel('Nome').fill('Sala nova')
  await form.getByRole('button', { name: 'Copiar como curl' }).click()
  const command = await page.evaluate(() => navigator.clipboard.readText())
  assert.ok(command.includes('--request PATCH') && command.includes(`${gateway.url}/api/v1/extensions/${extension.id}`), command)
  assert.ok(command.includes(`--data '{"display_name":"Sala nova"}'`), command)
  await form.getByRole('button', { name: 'Salvar' }).click()
  await page.getByText('Salvo. Já vale para a próxima chamada.').waitFor()
  assert.equal((await gateway.api('GET', `/extensions/${extension.id}`)).display_name, 'Sala nova')

  await page.getByRole('searchbox').fill('')
  await page.getByRole('link', { name: 'Editar o ramal 2200' }).click()
  await form.getByLabel('Número').fill('2299')
  await form.getByText('Com o novo número vem uma nova senha').waitFor()
  await form.getByRole('button', { name: 'Salvar' }).click()
  await page.getByRole('dialog', { name: 'O ramal 2299 está pronto' }).waitFor()
  assert.equal((await gateway.api('GET', `/extensions/${extension.id}`)).number, '2299')
  await finish(page)
})

test('a new secret is made after a second question', async () => {
  const { secret } = await gateway.extension('2300', 'Portaria')
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/extensions')
  await page.getByRole('link', { name: 'Editar o ramal 2300' }).click()
  await page.getByRole('button', { name: 'Nova senha' }).click()
  await page.getByText('A senha atual deixa de valer na hora.').waitFor()
  await page.getByRole('button', { name: 'Nova senha' }).click()
  const ready = page.getByRole('dialog', { name: 'O ramal 2300 está pronto' })
  const renewed = await ready.locator('.secret code').textContent()
  assert.match(renewed, /^\w{20}$/)
  assert.notEqual(renewed, secret)
  await finish(page)
})

test('deleting asks first; its safe answer has the focus', async () => {
  await gateway.extension('2400', 'Antigo')
  const page = await openAsAdmin(browser, gateway, { width: NARROW })
  await visit(page, '/extensions')
  await page.getByRole('button', { name: 'Excluir o ramal 2400' }).click()
  const question = page.getByRole('dialog', { name: 'Excluir o ramal 2400?' })
  await question.waitFor()
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Cancelar')
  await page.keyboard.press('Enter')
  await question.waitFor({ state: 'detached' })
  assert.ok((await numbers()).includes('2400'))

  await page.getByRole('button', { name: 'Excluir o ramal 2400' }).click()
  await question.getByRole('button', { name: 'Excluir', exact: true }).click()
  await page.getByText('Ramal 2400 excluído.').waitFor()
  assert.ok(!(await numbers()).includes('2400'))
  await page.getByText('Antigo').waitFor({ state: 'detached' })
  await finish(page)
})

test('a change made elsewhere appears by itself', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/extensions')
  await gateway.extension('2500', 'Feito pela API')
  await page.getByText('Feito pela API').waitFor()
  await finish(page)
})
