// The gateway as a machine: backups and their restore, factory reset, its own network.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { finish, launch, openAsAdmin, visit } from './browser.mjs'
import { ADMIN, Gateway, within } from './gateway.mjs'

const PASSPHRASE = 'um girassol na varanda'

let browser
let gateway
let network
before(async () => {
  browser = await launch()
  network = await mkdtemp(join(tmpdir(), 'ramal-network-'))
  gateway = await Gateway.start('pt-BR', ['--network', network])
  await gateway.extension('2001', 'Antes')
})
after(async () => {
  await browser?.close()
  await gateway?.stop()
  await rm(network, { recursive: true, force: true })
})

const numbers = async () => (await gateway.api('GET', '/extensions')).map(({ number }) => number)

test('a backup is made, looked into, and restored', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/backups')
  const form = page.getByRole('form', { name: 'Fazer backup' })
  await form.getByLabel('Frase secreta', { exact: true }).fill('curta')
  await form.getByLabel('Frase secreta outra vez').fill('outra')
  await form.getByRole('button', { name: 'Fazer agora' }).click()
  await form.getByText('As duas não são iguais.').waitFor()
  await form.getByLabel('Frase secreta outra vez').fill('curta')
  await form.getByRole('button', { name: 'Fazer agora' }).click()
  await form.getByText('Curto demais: 10-256 caracteres.').waitFor()
  await form.getByLabel('Frase secreta', { exact: true }).fill(PASSPHRASE)
  await form.getByLabel('Frase secreta outra vez').fill(PASSPHRASE)
  await form.getByRole('button', { name: 'Fazer agora' }).click()
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: /^Baixar o backup de/ }).click(),
  ])
  assert.match(download.suggestedFilename(), /^ramal-manual-\d+\.age$/)
  assert.match(await readFile(await download.path(), 'latin1'), /^age-encryption\.org\/v1\n/)

  await gateway.extension('2002', 'Depois')
  await page.getByRole('button', { name: 'Restaurar…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Frase secreta ou chave').fill('outra frase qualquer')
  await dialog.getByRole('button', { name: 'Ver o que contém' }).click()
  await dialog.getByText('Isto não abre o backup.').waitFor()
  await dialog.getByLabel('Frase secreta ou chave').fill(PASSPHRASE)
  await dialog.getByRole('button', { name: 'Ver o que contém' }).click()
  const extensions = dialog.locator('tr').filter({ hasText: 'Ramal' }).first()
  await extensions.waitFor()
  assert.match((await extensions.innerText()).replace(/\s+/g, ' '), /^Ramal 2 1 0 0 1$/)
  await dialog.getByRole('button', { name: 'Restaurar e reiniciar' }).click()
  // Everybody logs in again.
  await page.getByLabel('Senha').waitFor({ timeout: 60_000 })
  assert.deepEqual(await numbers(), ['2001'])
  await finish(page)
})

test('a change of the network is tried, told where it fails, and confirmed', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/network')
  const form = page.getByRole('form', { name: 'Configuração' })
  await form.getByLabel('IPv4 vem').selectOption('static')
  await form.getByLabel('Endereço IPv4 com prefixo').fill('192.168.7.300/24')
  await form.getByRole('button', { name: 'Testar por 90 s' }).click()
  await form.locator('[name="ipv4.address"][aria-invalid=true]').waitFor()
  await form.getByLabel('IPv4 vem').selectOption('dhcp')
  await form.getByLabel('Nome do gateway').fill('loja-12')
  await form.getByRole('button', { name: 'Testar por 90 s' }).click()
  await page.getByText(/^Em teste: restam \d+ s/).waitFor()
  assert.equal(JSON.parse(await readFile(join(network, 'trial.json'), 'utf8')).host_name, 'loja-12')
  await page.getByRole('button', { name: 'Manter' }).click()
  await page.getByText('A nova configuração de rede fica.').waitFor()
  assert.equal(JSON.parse(await readFile(join(network, 'confirmed.json'), 'utf8')).host_name, 'loja-12')
  await finish(page)
})

test('the new address confirms by itself, before anybody is logged in', async () => {
  const { settings } = await gateway.api('GET', '/network')
  const { token } = await gateway.api('PUT', '/network', { ...settings, host_name: 'loja-13' })
  const context = await browser.newContext({ ignoreHTTPSErrors: true, baseURL: gateway.url, locale: 'pt-BR' })
  const page = await context.newPage()
  await page.goto(`/network#confirm=${token}`)
  await within(10_000, 'the confirmation', async () => (await gateway.api('GET', '/network')).settings.host_name === 'loja-13')
  // Nobody who looks over a shoulder, or into the history, finds the token.
  await page.waitForURL((url) => url.hash === '')
  await context.close()
})

test('a factory reset asks for the password and a word, and leaves nothing', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/backups')
  await page.getByRole('button', { name: 'Restaurar de fábrica…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Sua senha').fill('outra senha qualquer')
  await dialog.getByLabel('Digite RESET').fill('sim')
  await dialog.getByRole('button', { name: 'Excluir tudo' }).click()
  await dialog.getByText('Digite a palavra exatamente como está escrita.').waitFor()
  await dialog.getByLabel('Digite RESET').fill('RESET')
  await dialog.getByRole('button', { name: 'Excluir tudo' }).click()
  await dialog.locator('[name=password][aria-invalid=true]').waitFor()
  assert.deepEqual(await numbers(), ['2001'])
  await dialog.getByLabel('Sua senha').fill(ADMIN.password)
  await dialog.getByRole('button', { name: 'Excluir tudo' }).click()
  await within(60_000, 'an empty gateway', async () => (await gateway.api('GET', '/status').catch(() => ({ set_up: true }))).set_up === false)
  await finish(page)
})
