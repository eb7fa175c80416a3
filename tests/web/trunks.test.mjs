// Trunks: add one by the form, see that its host does not answer, change it, delete it.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertAccessible, finish, launch, openAsAdmin, visit } from './browser.mjs'
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

const trunks = () => gateway.api('GET', '/trunks')

test('a trunk is added, watched, changed and deleted', async () => {
  await gateway.extension('2001', 'Recepção')
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/trunks')
  await page.getByText('Ainda não há troncos').waitFor()
  await page.getByRole('link', { name: 'Adicionar tronco' }).click()
  const form = page.getByRole('dialog', { name: 'Adicionar tronco' })
  await form.getByLabel('Nome', { exact: false }).first().fill('Operadora')
  // An address of loopback where nobody listens.
  await form.getByLabel('Endereços (hosts)').fill('127.7.7.7:9')
  await form.getByLabel('Usuário').fill('5133334444')
  await form.getByLabel('Senha').fill('segredo da operadora')
  await form.getByLabel('Chamadas de entrada tocam em').selectOption({ label: '2001 Recepção' })
  await form.getByRole('button', { name: 'Salvar' }).click()
  const row = page.getByRole('row', { name: /Operadora/ })
  await row.getByText('Sem resposta').or(row.getByText('Registrando')).first().waitFor()
  const [stored] = await trunks()
  assert.equal(stored.name, 'Operadora')
  assert.deepEqual(stored.hosts, ['127.7.7.7:9'])
  assert.ok(!JSON.stringify(stored).includes('segredo'), 'the password is never given back')

  await row.getByRole('link', { name: 'Editar tronco Operadora' }).click()
  const edit = page.getByRole('dialog', { name: 'Tronco Operadora' })
  await edit.getByLabel('Endereços (hosts)').fill('no host at all!')
  await edit.getByRole('button', { name: 'Salvar' }).click()
  await edit.locator('[aria-invalid=true]').first().waitFor()
  assert.deepEqual((await trunks())[0].hosts, ['127.7.7.7:9'])
  await edit.getByLabel('Endereços (hosts)').fill('127.7.7.8')
  await edit.getByRole('button', { name: 'Salvar' }).click()
  await page.getByRole('cell', { name: '127.7.7.8' }).waitFor()
  assert.deepEqual((await trunks())[0].hosts, ['127.7.7.8'])

  await row.getByRole('link', { name: 'Editar tronco Operadora' }).click()
  const more = page.getByRole('dialog', { name: 'Tronco Operadora' })
  await more.getByText('Mais configurações').click()
  const shown = await more.getByRole('listitem').allInnerTexts()
  assert.deepEqual(shown.map((text) => text.trim()), ['G.711 A-law', 'G.711 µ-law'])
  await more.getByLabel('Adicionar codec').selectOption('G.722')
  await more.getByRole('button', { name: 'Mover G.722 para cima' }).click()
  await more.getByRole('button', { name: 'Mover G.722 para cima' }).click()
  await more.getByRole('button', { name: 'Retirar G.711 µ-law' }).click()
  await more.getByLabel('Teclas enviadas como').selectOption('Mensagens INFO')
  await assertAccessible(page, 'the codecs of a trunk')
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/trunk-codecs.png` })
  await more.getByRole('button', { name: 'Salvar' }).click()
  await more.waitFor({ state: 'detached' })
  const [changed] = await trunks()
  assert.deepEqual([changed.codecs, changed.dtmf], [['G722', 'PCMA'], 'info'])

  await page.getByRole('button', { name: 'Excluir tronco Operadora' }).click()
  await page.getByRole('button', { name: 'Excluir', exact: true }).click()
  await page.getByText('Ainda não há troncos').waitFor()
  assert.deepEqual(await trunks(), [])
  await finish(page)
})
