// Who may do what: the interface shows what the permissions of the session allow, and no more.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { finish, launch, open, settled, visit } from './browser.mjs'
import { Gateway } from './gateway.mjs'

const PASSWORD = 'quatro gatos no telhado'

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

/** A page of somebody with a profile of these permissions, such as `calls:view:all`. */
async function openWith(login, permissions, menus = null) {
  const list = permissions.map((one) => Object.fromEntries(one.split(':').map((word, index) => [['area', 'verb', 'scope'][index], word])))
  const profile = await gateway.api('POST', '/profiles', { name: login, permissions: list, menus })
  await gateway.api('POST', '/users', { login, name: login, role: 'admin', profile: profile.id, language: 'pt-BR', password: PASSWORD })
  const page = await open(browser, gateway)
  const answer = await page.request.post('/api/v1/session', { data: { login, password: PASSWORD } })
  assert.equal(answer.status(), 200)
  page.profile = profile
  return page
}

const menuOf = async (page) => {
  const menu = page.getByRole('navigation', { name: 'Menu principal' })
  await menu.waitFor()
  return menu.getByRole('link').evaluateAll((links) => links.map((link) => link.getAttribute('href')))
}

test('a profile decides, not the role: menu, buttons and pages', async () => {
  const page = await openWith('leitora', ['directory:view:all', 'trunks:view:all', 'extensions:edit:all'])
  await visit(page, '/extensions')
  assert.deepEqual(await menuOf(page), ['/trunks', '/extensions', '/settings/company'])
  assert.equal(await page.getByRole('link', { name: 'Adicionar ramal' }).count(), 0)
  assert.equal(await page.getByRole('link', { name: 'Editar o ramal 2001' }).count(), 1)
  assert.equal(await page.getByRole('button', { name: 'Excluir o ramal 2001' }).count(), 0)
  await visit(page, '/settings/users')
  await page.getByRole('heading', { level: 1, name: 'Não há nada aqui' }).waitFor()
  await visit(page, '/extensions/new')
  assert.equal(await page.getByRole('dialog').count(), 0)
  await finish(page)
})

test('a change of the profile arrives without logging in again', async () => {
  const page = await openWith('aprendiz', ['directory:view:all', 'live:view:all'])
  await visit(page, '/extensions')
  assert.equal(await page.getByRole('link', { name: 'Adicionar ramal' }).count(), 0)
  const { id, name, description, menus, permissions } = page.profile
  const more = [...permissions, { area: 'extensions', verb: 'create', scope: 'all' }]
  await gateway.api('PUT', `/profiles/${id}`, { name, description, menus, permissions: more })
  await page.getByRole('link', { name: 'Adicionar ramal' }).first().waitFor()
  await finish(page)
})

test('a profile leaves menus out', async () => {
  const page = await openWith('telefonista', ['directory:view:all', 'live:view:all', 'calls:view:all', 'trunks:view:all'], ['dashboard', 'calls'])
  await visit(page, '/')
  await settled(page)
  assert.deepEqual(await menuOf(page), ['/', '/queues-now', '/calls'])
  await finish(page)
})
