// What every list screen does alike: search, the empty list, a form at its own address, rights.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { finish, launch, open, openAsAdmin, visit } from './browser.mjs'
import { ADMIN, Gateway } from './gateway.mjs'

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

const music = (name) => ({ name, description: '', files: [], order: 'listed', position: 'shared' })
const user = (login, name) => ({ ...ADMIN, login, name, email: null, role: 'auditor', language: 'pt-BR', active: true })

const LISTS = [
  {
    path: '/extensions',
    empty: 'Ainda não há ramais',
    make: (name, index) => gateway.extension(`200${index}`, name),
    counts: ['2 ramais', '1 ramal'],
  },
  {
    path: '/trunks',
    empty: 'Ainda não há troncos',
    make: (name, index) => gateway.api('POST', '/trunks', { name, hosts: [`127.7.7.${index}:9`], auth: 'none' }),
    counts: ['2 troncos', '1 tronco'],
  },
  {
    path: '/music-on-hold',
    empty: 'Quem espera ouve a música própria',
    make: (name) => gateway.api('POST', '/music-classes', music(name)),
    counts: ['2 classes', '1 classe'],
  },
  {
    // The administrator's own account stands in it from the start.
    path: '/settings/users',
    make: (name) => gateway.api('POST', '/users', user('bruno.t', name)),
    names: ['Bruno São João'],
    counts: ['2 usuários', '1 usuário'],
  },
]

for (const { path, empty, make, names = ['Bruno São João', 'Carla'], counts } of LISTS) {
  test(`${path} is searched, counted, and says when nothing is there`, async () => {
    const page = await openAsAdmin(browser, gateway)
    await visit(page, path)
    if (empty) {
      await page.getByText(empty).waitFor()
      assert.equal(await page.getByRole('searchbox').count(), 0)
    }
    for (const [index, name] of names.entries()) await make(name, index + 1)
    await page.getByText(counts[0], { exact: true }).waitFor()
    const search = page.getByRole('searchbox')
    await search.fill('sao joao')
    await page.getByText(counts[1], { exact: true }).waitFor()
    assert.equal(await page.locator('tbody tr').count(), 1)
    await search.fill('zzz')
    await page.getByText('Nada encontrado.').waitFor()
    await search.fill('')
    await page.getByText(counts[0], { exact: true }).waitFor()
    await finish(page)
  })
}

test('who may only look sees the lists without their buttons, also at a form’s address', async () => {
  const page = await open(browser, gateway)
  const answer = await page.request.post('/api/v1/session', { data: { login: 'bruno.t', password: ADMIN.password } })
  assert.equal(answer.status(), 200)
  for (const path of ['/trunks', '/music-on-hold']) {
    await visit(page, `${path}/new`)
    await page.locator('tbody tr').first().waitFor()
    assert.equal(await page.getByRole('dialog').count(), 0)
    assert.equal(await page.locator('.row-actions').count(), 0)
    assert.equal(await page.locator(`a[href="${path}/new"]`).count(), 0)
  }
  await finish(page)
})
