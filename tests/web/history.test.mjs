// What was changed and taking it back, drafts that become live together, copies of the database, the audit log.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { finish, launch, open, openAsAdmin, visit } from './browser.mjs'
import { ADMIN, Gateway, within } from './gateway.mjs'

let browser
let gateway
before(async () => {
  browser = await launch()
  gateway = await Gateway.start()
  await gateway.extension('2001', 'Recepção')
})
after(async () => {
  await browser?.close()
  await gateway?.stop()
})

const conferences = async () => (await gateway.api('GET', '/conferences')).map(({ name }) => name)

test('a change is seen with before and after, and undone', async () => {
  const [extension] = await gateway.api('GET', '/extensions')
  await gateway.api('PATCH', `/extensions/${extension.id}`, { display_name: 'Portaria' })
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/versions')
  const row = page.locator('li').filter({ hasText: 'Ramal 2001: alterado' }).first()
  await row.getByText('Ramal 2001: alterado').click()
  const change = row.locator('tbody tr').filter({ hasText: 'Portaria' })
  assert.match(await change.innerText(), /Recepção/)
  await row.getByRole('button', { name: /^Desfazer a versão/ }).click()
  const question = page.getByRole('dialog')
  await question.getByRole('button', { name: 'Desfazer' }).click()
  await question.waitFor({ state: 'detached' })
  await within(10_000, 'the old name', async () => (await gateway.api('GET', '/extensions'))[0].display_name === 'Recepção')
  // What was changed since is refused, and the reason stands in the question.
  await gateway.api('PATCH', `/extensions/${extension.id}`, { display_name: 'Balcão' })
  await gateway.api('PATCH', `/extensions/${extension.id}`, { display_name: 'Caixa' })
  const older = page.locator('li').filter({ hasText: 'Ramal 2001: alterado' }).nth(1)
  await page.locator('li').filter({ hasText: 'Ramal 2001: alterado' }).nth(3).waitFor()
  await older.getByRole('button', { name: /^Desfazer a versão/ }).click()
  await question.getByRole('button', { name: 'Desfazer' }).click()
  await question.getByRole('alert').waitFor()
  assert.equal((await gateway.api('GET', '/extensions'))[0].display_name, 'Caixa')
  await finish(page)
})

test('a draft takes what is saved, outlives loading the page, and becomes live at once', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/drafts')
  await page.getByLabel('Para que serve').fill('Natal')
  await page.getByRole('button', { name: 'Novo rascunho' }).click()
  await page.getByText('Você está no rascunho “Natal”').waitFor()
  for (const [name, number] of [
    ['Sala um', '801'],
    ['Sala dois', '802'],
  ]) {
    await visit(page, '/conferences/new')
    const dialog = page.getByRole('dialog', { name: 'Adicionar conferência' })
    await dialog.getByLabel('Nome').fill(name)
    await dialog.locator('input[name=number]').fill(number)
    await dialog.getByRole('button', { name: 'Salvar' }).click()
    await dialog.waitFor({ state: 'detached' })
    await page.locator('tbody tr').filter({ hasText: name }).waitFor()
  }
  assert.deepEqual(await conferences(), [])
  await page.getByRole('button', { name: 'Sair do rascunho' }).click()
  await page.getByText('Ainda não há conferências.').waitFor()
  await visit(page, '/drafts')
  await page.getByText('2 objetos alterados').waitFor()
  await page.getByRole('button', { name: 'Trabalhar nele' }).click()
  await page.getByRole('status').getByRole('button', { name: 'Ativar' }).click()
  const question = page.getByRole('dialog')
  await question.getByRole('button', { name: 'Ativar' }).click()
  await question.waitFor({ state: 'detached' })
  await page.getByText('Sem rascunhos.').waitFor()
  assert.deepEqual((await conferences()).sort(), ['Sala dois', 'Sala um'])
  assert.equal(await page.getByText('Você está no rascunho').count(), 0)
  await finish(page)
})

test('the state of the database is told, and a copy is made', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/storage')
  await page.getByText('Tudo em ordem').waitFor()
  await page.getByRole('button', { name: 'Fazer uma cópia agora' }).click()
  await page.getByText('A cópia foi feita.').waitFor()
  await page.locator('tbody tr').filter({ hasText: 'settings-' }).first().waitFor()
  await finish(page)
})

test('the audit log has what was done and what was refused', async () => {
  const stranger = await open(browser, gateway)
  await stranger.request.post('/api/v1/session', { data: { login: ADMIN.login, password: 'errada e comprida' } })
  await finish(stranger)
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/audit-log')
  await page.locator('tbody tr').filter({ hasText: 'Conferência Sala um: criado' }).first().waitFor()
  await page.getByLabel('Só o que foi recusado').check()
  await page.locator('tbody tr').filter({ hasText: 'Recusado (401)' }).first().waitFor()
  assert.equal(await page.locator('tbody tr').filter({ hasText: 'Sala um' }).count(), 0)
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Baixar como CSV' }).click()])
  assert.match(download.suggestedFilename(), /csv/)
  await finish(page)
})
