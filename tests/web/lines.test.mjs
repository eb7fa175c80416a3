// The automatic test of a line (J5), against the simulated exchange, and the timeslots of an E1 trunk.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { assertAccessible, assertNoSidewaysScroll, finish, launch, NARROW, openAsAdmin, visit } from './browser.mjs'
import { Gateway } from './gateway.mjs'

const TEST_MS = 120_000
/** What the simulated exchange calls the line of its second port. */
const SECOND_LINE = '0202'
const settings = () => gateway.api('GET', '/lines/FXO%201/settings')

let browser
let gateway
before(async () => {
  browser = await launch()
  gateway = await Gateway.start('pt-BR', ['--simulated-lines'])
})
after(async () => {
  await browser?.close()
  await gateway?.stop()
})

test('a line is tested and its port set in three clicks, and the report can be kept', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/')
  const before = await settings()
  await page.getByRole('navigation', { name: 'Menu principal' }).getByRole('link', { name: 'Portas' }).click()
  await page.getByRole('link', { name: 'Testar e ajustar FXO 1' }).click()
  const dialog = page.getByRole('dialog', { name: 'Teste de FXO 1' })
  // The number of the other line is not known to the gateway: it says so beside the field.
  const start = dialog.getByRole('button', { name: 'Testar e ajustar' })
  await start.click()
  const number = dialog.getByLabel('Número a discar')
  await dialog.locator('input[name=number][aria-invalid=true]').waitFor()
  assert.ok(await number.evaluate((input) => input === document.activeElement))
  await number.fill(SECOND_LINE)
  await start.click()
  await dialog.getByRole('list', { name: 'Etapas do teste' }).waitFor()
  await dialog.locator('li[aria-current=step]').filter({ hasText: 'Eco da linha' }).waitFor({ timeout: TEST_MS })
  await dialog.getByText('foram gravadas na porta').waitFor({ timeout: TEST_MS })
  await dialog.getByText('Tom de discar').waitFor()
  await assertAccessible(page, 'report')

  const now = await settings()
  assert.ok(now.settings.learned_tone, JSON.stringify(now))
  assert.equal(before.settings.learned_tone, null)
  const [download] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', { name: 'Baixar relatório' }).click()])
  assert.match(download.suggestedFilename(), /^FXO-1-\d{4}-\d\d-\d\d\.txt$/)
  const report = await readFile(await download.path(), 'utf8')
  assert.match(report, /Tom de discar: 425 Hz/)
  assert.match(report, /Tom de ocupado aprendido: 425 Hz/)
  await finish(page)
})

test('a test that runs can be stopped, and what it found stays to be read on a small screen', async () => {
  const page = await openAsAdmin(browser, gateway, { width: NARROW })
  await visit(page, '/lines/FXO%202')
  const dialog = page.getByRole('dialog', { name: 'Teste de FXO 2' })
  await dialog.getByLabel('Como se ouve o fim de uma chamada').selectOption('incoming_call')
  await dialog.getByLabel('Gravar o que foi aprendido').uncheck()
  await dialog.getByRole('button', { name: 'Somente testar' }).click()
  await dialog.getByText('Ligue agora para esta linha').waitFor({ timeout: TEST_MS })
  await assertNoSidewaysScroll(page, 'running')
  await dialog.getByRole('button', { name: 'Parar o teste' }).click()
  await dialog.getByText('O teste foi parado').waitFor({ timeout: TEST_MS })
  await dialog.getByText('Nada foi gravado nas configurações da porta').waitFor()
  await assertNoSidewaysScroll(page, 'report')
  await finish(page)
})

test('timeslots of an E1 trunk are blocked and freed', async () => {
  const trunk = await gateway.api('POST', '/e1-trunks', {
    name: 'Embratel',
    device: 'TE2/0/1',
    signalling: { kind: 'e1_r2', variant: 'br-embratel' },
  })
  const blocked = async () => (await gateway.api('GET', `/e1-trunks/${trunk.id}`)).blocked
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/lines')
  const slots = page.getByRole('region', { name: 'Embratel' })
  const slot = (number) => slots.getByRole('button', { name: new RegExp(`^${number}\\s`) })
  await slot(3).click()
  await slot(17).click()
  await slots.getByText('2 escolhidos').waitFor()
  await slots.getByRole('button', { name: 'Bloquear' }).click()
  await slots.getByRole('button', { name: /^17\s+bloqueado aqui/ }).waitFor()
  assert.deepEqual(await blocked(), [3, 17])
  assert.equal(await slot(16).count(), 0)
  await slot(3).click()
  await slots.getByRole('button', { name: 'Liberar' }).click()
  await slots.getByRole('button', { name: 'Bloquear' }).waitFor({ state: 'detached' })
  assert.deepEqual(await blocked(), [17])
  await assertAccessible(page, 'timeslots')

  // The signals of one of them can be read; here there is no card, and the dialog says so.
  await slot(5).click()
  await slots.getByRole('button', { name: 'Sinais' }).click()
  let dialog = page.getByRole('dialog', { name: 'Canal 5 de Embratel' })
  await dialog.getByRole('alert').filter({ hasText: 'is not at work' }).waitFor()
  await dialog.getByRole('button', { name: 'Ler de novo' }).waitFor()
  await assertAccessible(page, 'signals')
  await dialog.getByRole('button', { name: 'Fechar' }).click()
  await gateway.api('POST', '/e1-trunks', { name: 'Vivo', device: 'TE2/0/2', signalling: { kind: 'e1_pri' } })
  await visit(page, '/lines')
  await page.getByRole('region', { name: 'Vivo' }).getByRole('button', { name: 'Mensagens do canal D' }).click()
  dialog = page.getByRole('dialog', { name: 'Canal D de Vivo' })
  await dialog.getByRole('alert').filter({ hasText: 'is not at work' }).waitFor()
  await dialog.getByLabel('Mostrar também os quadros do enlace').check()
  await assertAccessible(page, 'messages')
  await finish(page)
})

test('a ringing time that a line cannot keep is warned of in the list and in the form', async () => {
  const port = '/lines/FXO%201/settings'
  const { settings: before } = await settings()
  const rule = { pattern: '9X.', strip: 1, ways: [{ way: 'line', port: 'FXO 1' }], ring_timeout: 30 }
  const route = await gateway.api('POST', '/outbound-routes', { name: 'Pela linha', rules: [rule] })
  await gateway.api('PUT', port, { kind: 'fxo', settings: { ...before, answer: 'after_dialling' } })
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/outbound-routes')
  const row = page.getByRole('row', { name: /Pela linha/ })
  await row.getByText('Com aviso').waitFor()
  await assertAccessible(page, 'the list')
  await visit(page, `/outbound-routes/${route.id}`)
  const dialog = page.getByRole('dialog', { name: /Pela linha/ })
  await dialog.getByText('O tempo de toque não pode ser cumprido em FXO 1').waitFor()
  await assertAccessible(page, 'the form')
  // Once a voice is told from ringback tone, it can.
  await gateway.api('PUT', port, { kind: 'fxo', settings: { ...before, answer: 'voice' } })
  await visit(page, '/outbound-routes')
  await row.waitFor()
  assert.equal(await row.getByText('Com aviso').count(), 0)
  await gateway.api('DELETE', `/outbound-routes/${route.id}`)
  await finish(page)
})

test('the settings of a line and of a telephone are changed, and refusals stand beside their field', async () => {
  const page = await openAsAdmin(browser, gateway)
  const stored = async (port) => (await gateway.api('GET', `/lines/${encodeURIComponent(port)}/settings`)).settings
  const before = await stored('FXO 1')
  await visit(page, '/lines')
  await page.getByRole('link', { name: 'Ajustes de FXO 1' }).click()
  let dialog = page.getByRole('dialog', { name: 'Ajustes de FXO 1' })
  const gain = dialog.getByLabel('Ganho do que vem da linha (dB)')
  await gain.fill('13')
  await dialog.getByLabel('Chamada recusada').selectOption('answer_and_tone')
  await dialog.getByLabel('País da linha').selectOption('AR')
  await dialog.getByLabel('Recusar chamadas a cobrar').check()
  const save = dialog.getByRole('button', { name: 'Salvar' })
  await save.click()
  await dialog.locator('input[name=receive_gain][aria-invalid=true]').waitFor()
  assert.ok(await gain.evaluate((input) => input === document.activeElement))
  assert.deepEqual(await stored('FXO 1'), before)
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/port-fxo.png` })
  await assertAccessible(page, 'FXO')
  await gain.fill('-3')
  await save.click()
  await dialog.waitFor({ state: 'detached' })
  // What the line test has learned stays with the rest.
  const changed = { receive_gain: -3, country: 'AR', refused_call: 'answer_and_tone', refuse_collect_calls: true }
  assert.deepEqual(await stored('FXO 1'), { ...before, ...changed })

  const { extension } = await gateway.api('POST', '/extensions', { number: '2001', display_name: 'Portaria' })
  await visit(page, '/lines')
  await page.getByRole('link', { name: 'Ajustes de FXS 1' }).click()
  dialog = page.getByRole('dialog', { name: 'Ajustes de FXS 1' })
  await dialog.locator('select[name=extension]').selectOption({ label: '2001 Portaria' })
  await dialog.getByLabel('Como o telefone sabe quem liga').selectOption('v23')
  await dialog.getByLabel('Chamar um número').check()
  await dialog.locator('input[name="hot_line.number"]').fill('190')
  await dialog.getByText('Mais configurações').click()
  await dialog.getByLabel('Flash mais longo (ms)').fill('600')
  await assertAccessible(page, 'FXS')
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/port-fxs.png`, fullPage: true })
  await dialog.getByRole('button', { name: 'Salvar' }).click()
  await dialog.waitFor({ state: 'detached' })
  const telephone = await stored('FXS 1')
  assert.equal(telephone.extension, extension.id)
  assert.equal(telephone.caller_id, 'v23')
  assert.equal(telephone.flash_max_ms, 600)
  assert.deepEqual(telephone.hot_line, { number: '190', after_seconds: 0 })
  await finish(page)
})

test('the forms of ports fit a small screen, in every language', async () => {
  for (const [language, title] of [
    ['pt-BR', 'Ajustes de FXS 1'],
    ['es', 'Ajustes de FXS 1'],
    ['id', 'Pengaturan FXS 1'],
    ['en', 'Settings of FXS 1'],
  ]) {
    const page = await openAsAdmin(browser, gateway, { width: NARROW, language })
    await visit(page, '/lines/FXS%201/settings')
    await page.getByRole('dialog', { name: title }).waitFor()
    await assertNoSidewaysScroll(page, language)
    await finish(page)
  }
})
