// Company, users, tokens, and the configuration as a file.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { finish, launch, openAsAdmin, visit } from './browser.mjs'
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

test('the company is changed, and the clock follows its time zone', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/settings/company')
  assert.equal(await page.getByLabel('Razão social').inputValue(), 'Padaria Três Irmãos')
  await page.getByLabel('Razão social').fill('')
  await page.getByRole('form', { name: 'Empresa' }).getByRole('button', { name: 'Salvar' }).click()
  await page.getByText('Preencha este campo.').waitFor()
  await page.getByLabel('Razão social').fill('Padaria Quatro Irmãos')
  await page.getByLabel('CNPJ').fill('11.222.333/0001-82')
  await page.getByLabel('Pessoa de contato').fill('Mariana Souza')
  await page.getByLabel('Telefone do contato').fill('+555133334444')
  await page.getByRole('form', { name: 'Empresa' }).getByRole('button', { name: 'Salvar' }).click()
  await page.getByText('O dígito verificador não confere.').waitFor()
  await page.getByLabel('CNPJ').fill('11.222.333/0001-81')
  await page.getByLabel('Fuso horário').selectOption('America/Manaus')
  await page.getByRole('form', { name: 'Empresa' }).getByRole('button', { name: 'Salvar' }).click()
  await page.getByText('Salvo. Já vale para a próxima chamada.').waitFor()
  const company = await gateway.api('GET', '/company')
  assert.deepEqual([company.legal_name, company.time_zone], ['Padaria Quatro Irmãos', 'America/Manaus'])
  assert.deepEqual([company.tax_id, company.contact_name], ['11222333000181', 'Mariana Souza'])
  await visit(page, '/system')
  await page.getByText('(America/Manaus)').waitFor()
  await finish(page)
})

test('those outside are told another address, and networks that are none are refused', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/settings/company')
  const form = page.getByRole('form', { name: 'SIP e redes' })
  await form.getByLabel('Endereço externo').fill('203.0.113.5')
  await form.getByLabel('Redes locais').fill('192.168.0.0/16, todos')
  await form.getByRole('button', { name: 'Salvar' }).click()
  await form.locator('[name=local_networks][aria-invalid=true]').waitFor()
  await form.getByLabel('Redes locais').fill('192.168.0.0/16, 10.1.0.0/16')
  await form.getByRole('button', { name: 'Salvar' }).click()
  await page.getByText('Salvo. Já vale para a próxima chamada.').waitFor()
  assert.deepEqual(await gateway.api('GET', '/sip-settings'), {
    external_address: '203.0.113.5',
    local_networks: ['192.168.0.0/16', '10.1.0.0/16'],
    websocket_in_clear: false,
  })
  await finish(page)
})

test('a user is added, changed and deleted; oneself cannot be', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/settings/users')
  assert.ok(await page.getByRole('button', { name: 'Excluir o usuário Mariana Souza' }).isDisabled())
  await page.getByRole('link', { name: 'Adicionar usuário' }).click()
  const form = page.getByRole('dialog')
  await form.getByLabel('Nome completo').fill('Bruno Teixeira')
  await form.getByLabel('Login').fill('brun')
  await form.getByLabel('Função').selectOption('auditor')
  await form.getByLabel('Senha', { exact: true }).fill('12345')
  await form.getByRole('button', { name: 'Salvar' }).click()
  await form.getByText('Curto demais: 5-64 caracteres.').waitFor()
  await form.getByText('Curto demais: 10-256 caracteres.').waitFor()
  await form.getByLabel('Login').fill('bruno.t')
  await form.getByLabel('Senha', { exact: true }).fill('vento azul no varal')
  await form.getByRole('button', { name: 'Salvar' }).click()
  await form.waitFor({ state: 'detached' })
  await page.getByRole('link', { name: 'Editar o usuário Bruno Teixeira' }).click()
  await form.getByLabel('Pode entrar').uncheck()
  await form.getByRole('button', { name: 'Salvar' }).click()
  await page.getByText('Inativo').waitFor()
  const bruno = (await gateway.api('GET', '/users')).find(({ login }) => login === 'bruno.t')
  assert.deepEqual([bruno.role, bruno.active], ['auditor', false])
  await page.getByRole('button', { name: 'Excluir o usuário Bruno Teixeira' }).click()
  await form.getByRole('button', { name: 'Excluir', exact: true }).click()
  await page.getByText('Usuário Bruno Teixeira excluído.').waitFor()
  assert.equal((await gateway.api('GET', '/users')).length, 1)
  await finish(page)
})

test('a token is shown once, works, and stops working when deleted', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/settings/tokens')
  await page.getByRole('button', { name: 'Criar token' }).click()
  await page.getByText('Preencha este campo.').waitFor()
  await page.getByLabel('Nome').fill('painel')
  await page.getByLabel('O que pode fazer').selectOption('auditor')
  await page.getByRole('button', { name: 'Criar token' }).click()
  const ready = page.getByRole('dialog', { name: 'O token “painel” está pronto' })
  const secret = await ready.locator('code').textContent()
  await ready.getByRole('button', { name: 'Já anotei' }).click()
  assert.ok(!(await page.content()).includes(secret))

  const other = await browser.newContext({ ignoreHTTPSErrors: true, baseURL: gateway.url })
  const ask = () => other.request.get('/api/v1/calls', { headers: { Authorization: `Bearer ${secret}` } })
  assert.equal((await ask()).status(), 200)
  await page.getByRole('button', { name: 'Excluir o token painel' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Excluir', exact: true }).click()
  await page.getByText('Token excluído.').waitFor()
  assert.equal((await ask()).status(), 401)
  await other.close()
  await finish(page)
})

test('the configuration is saved as a file and brought back from it', async () => {
  await gateway.extension('2001', 'Antes')
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/settings/configuration')
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Baixar' }).click()])
  const file = await download.path()
  assert.match(download.suggestedFilename(), /^ramal-\d{4}-\d\d-\d\d\.json$/)
  const content = JSON.parse(await readFile(file, 'utf8'))
  assert.equal(content.format, 'ramal-configuration')

  await gateway.extension('2002', 'Depois')
  const chooser = page.locator('input[type=file]')
  await chooser.setInputFiles({ name: 'foto.json', mimeType: 'application/json', buffer: Buffer.from('{"format":"outra"}') })
  await page.getByText('Este não é um arquivo de configuração deste produto.').waitFor()

  const broken = { ...content, extensions: [{ ...content.extensions[0], number: '1' }] }
  await chooser.setInputFiles({ name: 'quebrado.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(broken)) })
  await page.getByText('1 ramal, 1 usuário').waitFor()
  const replace = async () => {
    await page.getByRole('button', { name: 'Substituir configuração' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Substituir configuração' }).click()
  }
  await replace()
  await page.getByRole('alert').getByText('extensions[0].number', { exact: true }).waitFor()
  assert.equal((await gateway.api('GET', '/extensions')).length, 2)

  await chooser.setInputFiles(file)
  await page.getByText('1 ramal, 1 usuário').waitFor()
  await replace()
  await page.getByText('A configuração foi substituída.').waitFor()
  assert.deepEqual((await gateway.api('GET', '/extensions')).map(({ number }) => number), ['2001'])
  await finish(page)
})
