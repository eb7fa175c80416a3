// Several companies on one gateway: made, chosen where there is more than one, seen by their own people.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertAccessible, finish, launch, open, openAsAdmin, visit } from './browser.mjs'
import { Gateway } from './gateway.mjs'

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

const save = (dialog) => dialog.getByRole('button', { name: 'Salvar' }).click()
const shot = (page, name) =>
  process.env.SHOTS ? page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true }) : undefined

test('F234: a second company is added; from then on forms ask which one something belongs to', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/extensions/new')
  const before = page.getByRole('dialog')
  await before.getByLabel('Número').first().waitFor()
  assert.equal(await before.locator('select[name=company]').count(), 0)

  await visit(page, '/companies')
  const own = page.locator('tbody tr').filter({ hasText: 'Padaria Três Irmãos' })
  await own.getByText('Padrão').waitFor()
  await page.getByRole('link', { name: 'Adicionar empresa' }).click()
  const dialog = page.getByRole('dialog', { name: 'Adicionar empresa' })
  await dialog.locator('input[name=name]').fill('Oficina Beta')
  await dialog.locator('input[name=tax_id]').fill('11.222.333/0001-82')
  await save(dialog)
  await dialog.locator('input[name=tax_id][aria-invalid=true]').waitFor()
  await dialog.locator('input[name=tax_id]').fill('11.222.333/0001-81')
  await assertAccessible(page, 'company form')
  await shot(page, 'company-form')
  await save(dialog)
  await dialog.waitFor({ state: 'detached' })
  await page.locator('tbody tr').filter({ hasText: 'Oficina Beta' }).waitFor()
  await assertAccessible(page, 'companies')
  await shot(page, 'companies')
  const [, beta] = await gateway.api('GET', '/companies')
  assert.equal(beta.name, 'Oficina Beta')

  await visit(page, '/extensions/new')
  const extension = page.getByRole('dialog')
  await extension.locator('input[name=number]').fill('2002')
  await extension.locator('select[name=company]').selectOption({ label: 'Oficina Beta' })
  await shot(page, 'extension-form')
  await extension.getByRole('button', { name: 'Salvar' }).click()
  await page.getByRole('dialog').filter({ hasText: '2002' }).waitFor()
  const extensions = await gateway.api('GET', '/extensions')
  assert.deepEqual(
    extensions.map(({ number, company }) => [number, company]),
    [
      ['2001', 0],
      ['2002', beta.id],
    ],
  )

  await visit(page, '/numbers/new')
  const number = page.getByRole('dialog', { name: 'Adicionar número' })
  await number.locator('input[name=number]').fill('5133335555')
  await number.locator('input[name=label]').fill('Beta')
  await number.locator('select[name=company]').selectOption({ label: 'Oficina Beta' })
  await save(number)
  await number.waitFor({ state: 'detached' })
  const [made] = await gateway.api('GET', '/numbers')
  assert.equal(made.company, beta.id)

  await visit(page, '/settings/users/new')
  const user = page.getByRole('dialog')
  await user.locator('input[name=name]').fill('Bruno Lima')
  await user.locator('input[name=login]').fill('bruno.lima')
  await user.locator('select[name=company]').selectOption({ label: 'Oficina Beta' })
  await user.locator('select[name=role]').selectOption('admin')
  await user.locator('input[type=password]').fill('vermelho-cadeira-42')
  await shot(page, 'user-form')
  await save(user)
  await user.waitFor({ state: 'detached' })
  const users = await gateway.api('GET', '/users')
  assert.equal(users.find(({ login }) => login === 'bruno.lima').company, beta.id)

  await visit(page, '/calls')
  const company = page.getByLabel('Empresa')
  await company.selectOption({ label: 'Oficina Beta' })
  await page.getByText('Nenhuma chamada', { exact: false }).first().waitFor()
  await shot(page, 'calls')
  await finish(page)
})

test('F234: the administrator of a company is shown only what is its own', async () => {
  const page = await open(browser, gateway)
  const answer = await page.request.post('/api/v1/session', { data: { login: 'bruno.lima', password: 'vermelho-cadeira-42' } })
  assert.equal(answer.status(), 200)
  await visit(page, '/companies')
  await page.locator('tbody tr').filter({ hasText: 'Oficina Beta' }).waitFor()
  assert.equal(await page.locator('tbody tr').count(), 1)
  await visit(page, '/extensions')
  await page.locator('tbody tr').filter({ hasText: '2002' }).waitFor()
  assert.equal(await page.getByText('Recepção').count(), 0)
  // What is the gateway's is not in his menu, and what it was set up with he cannot change.
  assert.equal(await page.getByRole('link', { name: 'Tokens de API' }).count(), 0)
  await visit(page, '/settings/company')
  await page.locator('input[name=legal_name]').waitFor()
  assert.ok(await page.locator('input[name=legal_name]').isDisabled())
  // Nor is he shown forms that the gateway would refuse to fill.
  await page.locator('select[name=mode]').waitFor()
  assert.equal(await page.locator('input[name=external_address]').count(), 0)
  assert.equal(await page.locator('.banner.error, [role=alert]').count(), 0)
  await shot(page, 'own-company')
  await visit(page, '/extensions/new')
  await page.getByRole('dialog').locator('input[name=number]').fill('2003')
  assert.equal(await page.getByRole('dialog').locator('select[name=company]').count(), 0)
  await finish(page)
})
