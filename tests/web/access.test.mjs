// Logging in, and a session that ends while somebody works.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { finish, launch, open, openAsAdmin, visit } from './browser.mjs'
import { ADMIN, Gateway, within } from './gateway.mjs'

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

async function logIn(page, scope = page) {
  await scope.getByLabel('Login').fill(ADMIN.login)
  await scope.getByLabel('Senha').fill(ADMIN.password)
  await scope.getByRole('button', { name: 'Entrar' }).click()
}

test('a wrong password is refused, the right one leads to the page asked for', async () => {
  const page = await open(browser, gateway)
  await visit(page, '/calls')
  await page.getByLabel('Login').fill(ADMIN.login)
  await page.getByLabel('Senha').fill('isto está errado')
  await page.getByRole('button', { name: 'Entrar' }).click()
  await page.getByRole('alert').getByText('Login ou senha incorretos.').waitFor()
  assert.equal(await page.getByLabel('Senha').inputValue(), '')
  // The gateway slows guessing down; the message says for how long.
  await within(15_000, 'the log-in', async () => {
    if ((await page.getByRole('heading', { level: 1 }).textContent()) === 'Chamadas') return true
    await logIn(page).catch(() => undefined)
    return page.getByRole('heading', { level: 1, name: 'Chamadas' }).waitFor({ timeout: 1500 }).then(() => true, () => false)
  })
  assert.equal(new URL(page.url()).pathname, '/calls')
  await page.getByRole('button', { name: 'Sair' }).click()
  await page.getByRole('heading', { level: 1, name: 'Entrar' }).waitFor()
  assert.equal((await page.request.get('/api/v1/session')).status(), 401)
  await finish(page)
})

test('a session that ends keeps the page and what was typed', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/extensions/new')
  const form = page.getByRole('dialog', { name: 'Adicionar ramal' })
  await form.getByLabel('Número').fill('2345')
  await form.getByLabel('Nome').fill('Não se perde')
  await page.context().clearCookies()
  await form.getByRole('button', { name: 'Salvar' }).click()
  const again = page.getByRole('dialog', { name: 'A sua sessão terminou' })
  await again.waitFor()
  assert.equal(await again.getByLabel('Login').inputValue(), ADMIN.login)
  await logIn(page, again)
  await page.getByRole('dialog', { name: 'O ramal 2345 está pronto' }).waitFor()
  const extensions = await gateway.api('GET', '/extensions')
  assert.ok(extensions.some(({ number, display_name }) => number === '2345' && display_name === 'Não se perde'))
  await finish(page)
})

test('an auditor sees calls and changes nothing', async () => {
  await gateway.api('POST', '/users', { login: 'auditor', name: 'Ayu Lestari', role: 'auditor', language: 'id', password: 'empat kucing di atap' })
  const page = await open(browser, gateway, { language: 'id' })
  await page.request.post('/api/v1/session', { data: { login: 'auditor', password: 'empat kucing di atap' } })
  await visit(page, '/')
  await page.getByRole('navigation', { name: 'Menu utama' }).getByRole('link', { name: 'Panggilan', exact: true }).waitFor()
  assert.equal(await page.getByRole('link', { name: 'Tambah ekstensi' }).count(), 0)
  assert.equal(await page.getByRole('link', { name: 'Token API' }).count(), 0)
  await visit(page, '/settings/users')
  await page.locator('tbody tr').first().waitFor()
  assert.equal(await page.locator('.row-actions').count(), 0)
  await visit(page, '/settings/tokens')
  await page.getByRole('heading', { level: 1, name: 'Tidak ada apa-apa di sini' }).waitFor()
  await finish(page)
})

test('an agent changes the own password and stays where he is', async () => {
  const [old, renewed] = ['empat kucing di atap', 'lima anjing di kebun']
  await gateway.api('POST', '/users', { login: 'budiagen', name: 'Budi', role: 'agent', language: 'id', password: old })
  const page = await open(browser, gateway, { language: 'id' })
  await page.request.post('/api/v1/session', { data: { login: 'budiagen', password: old } })
  await visit(page, '/')
  await page.getByRole('button', { name: 'Ubah kata sandi' }).click()
  const form = page.getByRole('dialog', { name: 'Ubah kata sandi' })
  await form.getByLabel('Kata sandi saat ini').fill('bukan yang ini')
  await form.getByLabel('Kata sandi baru').fill(renewed)
  await form.getByRole('button', { name: 'Simpan' }).click()
  await form.getByText('Ini bukan kata sandi Anda saat ini.').waitFor()
  await form.getByLabel('Kata sandi saat ini').fill(old)
  await form.getByRole('button', { name: 'Simpan' }).click()
  await page.getByText('Kata sandi Anda telah diubah.').waitFor()
  await form.waitFor({ state: 'detached' })
  // Logged in all the same: the old session was exchanged for a new one.
  assert.equal((await page.request.get('/api/v1/session')).status(), 200)
  assert.equal(await page.getByRole('dialog').count(), 0)
  const enter = (password) => page.request.post('/api/v1/session', { data: { login: 'budiagen', password } })
  assert.equal((await enter(old)).status(), 401)
  assert.equal((await enter(renewed)).status(), 200)
  await finish(page)
})

test('everything works by keyboard: skip link, add an extension, Escape closes', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/extensions')
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Ir para o conteúdo')
  await page.getByRole('link', { name: 'Adicionar ramal' }).focus()
  await page.keyboard.press('Enter')
  const form = page.getByRole('dialog', { name: 'Adicionar ramal' })
  await form.waitFor()
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('name')), 'number')
  // The focus stays in the dialog, however often one goes on.
  for (let step = 0; step < 20; step += 1) {
    await page.keyboard.press('Tab')
    const inside = await page.evaluate(() => document.activeElement === document.body || !!document.activeElement.closest('dialog'))
    assert.ok(inside, `step ${step}`)
  }
  await page.keyboard.press('Escape')
  await form.waitFor({ state: 'detached' })
  assert.equal(new URL(page.url()).pathname, '/extensions')
  await finish(page)
})
