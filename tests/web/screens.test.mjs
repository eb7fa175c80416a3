// Every screen: nothing from elsewhere, no sideways scroll, accessible, light and dark, in every language.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertAccessible, assertNoSidewaysScroll, finish, launch, NARROW, open, openAsAdmin, settled, visit, WIDE } from './browser.mjs'
import { Gateway } from './gateway.mjs'

const LONG_NAME = 'Sala de reuniões Copacabana, segundo andar, ala norte, fundos'
let browser
let gateway
let edited
let music
let trunk
let e1Trunk
let ivr
let hours
let route
before(async () => {
  browser = await launch()
  gateway = await Gateway.start('pt-BR', ['--simulated-lines'])
  const registered = await gateway.extension('2001', 'Recepção')
  edited = registered.extension.id
  await gateway.extension('2002', LONG_NAME)
  trunk = (await gateway.api('POST', '/trunks', { name: LONG_NAME.slice(0, 40), hosts: ['127.7.7.7:9'], auth: 'none' })).id
  const signalling = { kind: 'e1_r2', variant: 'br-embratel' }
  const inbound = [{ number: '33334444', extension: edited }]
  e1Trunk = (await gateway.api('POST', '/e1-trunks', { name: LONG_NAME.slice(9, 49), device: 'TE2/0/1', signalling, inbound })).id
  music = (await gateway.api('POST', '/music-classes', { name: LONG_NAME, description: '', files: [], order: 'listed', position: 'shared' })).id
  const sound = await gateway.api('POST', '/audio-files/speech', { name: LONG_NAME, description: '', text: 'Um.', language: 'pt-BR' })
  const ring = { targets: [{ ring: 'extension', id: edited }, { ring: 'external', number: '5133334444' }] }
  const keys = [{ key: '1', label: LONG_NAME.slice(0, 40), destination: { to: 'ring', ring, on_no_answer: { to: 'extension', id: edited } } }]
  ivr = (await gateway.api('POST', '/ivrs', { name: LONG_NAME.slice(0, 40), menu: sound.id, keys })).id
  const closed = { override: { state: 'closed', until: null }, on_match: { to: 'ivr', id: ivr } }
  hours = (await gateway.api('POST', '/time-conditions', { name: LONG_NAME, periods: [{ weekdays: [1, 2, 3] }], ...closed })).id
  const rules = [{ pattern: '0Z.', ways: [{ way: 'trunk', id: trunk }, { way: 'any_line' }] }]
  route = (await gateway.api('POST', '/outbound-routes', { name: LONG_NAME, rules })).id
  await gateway.register(registered)
  // Calls to list: to nobody's number, and to a phone that is not there.
  for (const number of ['29', '2002']) await gateway.phone(registered, '--talk', '1', 'call', number).ended
})
after(async () => {
  await browser?.close()
  await gateway?.stop()
})

const screens = () => [
  '/',
  '/extensions',
  '/extensions/new',
  `/extensions/${edited}`,
  '/trunks',
  '/trunks/new',
  `/trunks/${trunk}`,
  `/trunks/${e1Trunk}`,
  '/lines',
  '/lines/FXO%201',
  '/audio-files',
  '/audio-files/new',
  '/music-on-hold',
  '/music-on-hold/new',
  `/music-on-hold/${music}`,
  '/numbers/new',
  `/outbound-routes/${route}`,
  '/ivrs',
  `/ivrs/${ivr}`,
  '/queues/new',
  `/time-conditions/${hours}`,
  '/voicemail-boxes/new',
  '/profiles/new',
  '/text-gateways/new',
  '/calls',
  '/settings/company',
  '/companies',
  '/companies/new',
  '/settings/users',
  '/settings/users/new',
  '/settings/tokens',
  '/settings/configuration',
  '/feature-codes',
  '/simulate',
  '/queues-now',
  '/messages',
  '/deliveries',
  '/versions',
  '/drafts',
  '/update',
  '/fleet',
  '/storage',
  '/backups',
  '/network',
  '/audit-log',
  '/system',
  '/nowhere',
]

/** Opens whatever a screen keeps folded away. */
async function unfold(page) {
  for (const summary of await page.locator('summary').all()) await summary.click()
  const more = page.locator('[aria-expanded=false]')
  if ((await more.count()) > 0) await more.first().click()
}

// What fits a telephone in every language needs no fourfold proof of the wide layout.
for (const [language, width] of [['pt-BR', NARROW], ['es', NARROW], ['id', NARROW], ['en', NARROW], ['pt-BR', WIDE]]) {
  test(`no screen is wider than ${width} px in ${language}`, async () => {
    const page = await openAsAdmin(browser, gateway, { language, width })
    for (const path of screens()) {
      await visit(page, path)
      await unfold(page)
      await assertNoSidewaysScroll(page, path)
      assert.equal(await page.locator('html').getAttribute('lang'), language)
    }
    await finish(page)
  })
}

// Contrast hangs on the theme and what is shown on the width: each of them once.
for (const [theme, width] of [['light', WIDE], ['dark', NARROW]]) {
  test(`every screen is accessible in ${theme} at ${width} px`, async () => {
    const page = await openAsAdmin(browser, gateway, { theme, width })
    for (const path of screens()) {
      await visit(page, path)
      assert.equal(await page.locator('html').getAttribute('data-theme'), theme)
      await unfold(page)
      await assertAccessible(page, `${path} ${theme} ${width}`)
    }
    await finish(page)
  })
}

test('the login page is accessible and narrow', async () => {
  const page = await open(browser, gateway, { width: NARROW, theme: 'dark' })
  await visit(page, '/')
  await assertNoSidewaysScroll(page, 'login')
  await assertAccessible(page, 'login')
  await finish(page)
})

test('the menu of a small screen reaches every screen', async () => {
  const page = await openAsAdmin(browser, gateway, { width: NARROW })
  await visit(page, '/')
  await page.getByRole('button', { name: 'Menu' }).click()
  const menu = page.getByRole('dialog', { name: 'Menu' })
  await menu.waitFor()
  await assertNoSidewaysScroll(page, 'menu')
  await assertAccessible(page, 'menu')
  const links = await menu.getByRole('link').evaluateAll((all) => all.map((link) => link.getAttribute('href')))
  for (const path of ['/', '/extensions', '/lines', '/calls', '/settings/company', '/settings/users', '/settings/tokens', '/system']) {
    assert.ok(links.includes(path), path)
  }
  await menu.getByRole('link', { name: 'Empresa' }).click()
  await menu.waitFor({ state: 'detached' })
  await page.getByRole('heading', { level: 1, name: 'Empresa' }).waitFor()
  await finish(page)
})

test('the appearance is chosen, and stays', async () => {
  const page = await openAsAdmin(browser, gateway, { theme: 'light' })
  await visit(page, '/')
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
  const light = await background()
  await page.getByRole('button', { name: 'Escuro' }).click()
  const dark = await background()
  assert.notEqual(dark, light)
  await page.reload()
  await page.locator('h1').waitFor()
  assert.equal(await background(), dark)
  await page.getByRole('button', { name: 'Como o dispositivo' }).click()
  assert.equal(await background(), light)
  await finish(page)
})

test('the language is chosen, and stays', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/extensions')
  await page.getByLabel('Idioma desta interface').selectOption('id')
  await page.getByRole('heading', { level: 1, name: 'Ekstensi' }).waitFor()
  await page.reload()
  await page.getByRole('heading', { level: 1, name: 'Ekstensi' }).waitFor()
  await finish(page)
})

test('back and forward move between screens, and dialogs have addresses', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/')
  await page.getByRole('navigation', { name: 'Menu principal' }).getByRole('link', { name: 'Chamadas' }).click()
  await page.getByRole('heading', { level: 1, name: 'Chamadas' }).waitFor()
  assert.match(await page.title(), /^Chamadas · /)
  assert.ok(await page.evaluate(() => document.activeElement.tagName === 'H1'))
  await page.goBack()
  await page.getByRole('heading', { level: 1, name: 'Início' }).waitFor()
  await page.goForward()
  await page.getByRole('heading', { level: 1, name: 'Chamadas' }).waitFor()
  await visit(page, '/extensions')
  await page.getByRole('link', { name: 'Editar o ramal 2002' }).click()
  await page.getByRole('dialog', { name: 'Ramal 2002' }).waitFor()
  await page.goBack()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await settled(page)
  await finish(page)
})

test('the first page is small: compressed, hashed files kept for ever, at most 200 kB', async () => {
  const page = await open(browser, gateway)
  const sizes = []
  page.on('response', async (response) => {
    const { pathname } = new URL(response.url())
    if (pathname.startsWith('/api/')) return
    const headers = response.headers()
    sizes.push([pathname, Number(headers['content-length'] ?? NaN), headers['content-encoding'], headers['cache-control']])
  })
  await visit(page, '/')
  assert.ok(sizes.length >= 3)
  for (const [path, size, encoding, cache] of sizes) {
    assert.ok(size > 0, path)
    assert.ok(['br', 'gzip'].includes(encoding) || size < 1000, `${path} ${encoding}`)
    if (path.startsWith('/assets/')) assert.match(cache, /immutable/, path)
  }
  const total = sizes.reduce((sum, [, size]) => sum + size, 0)
  assert.ok(total <= 200_000, `${total} bytes`)
  await finish(page)
})

test('nothing is inline: the policy forbids it and the page does not try', async () => {
  const page = await open(browser, gateway)
  const answer = await page.goto('/')
  const policy = answer.headers()['content-security-policy'] ?? ''
  assert.match(policy, /default-src 'none'/)
  assert.doesNotMatch(policy, /unsafe/)
  await page.locator('h1').waitFor()
  await finish(page)
})
