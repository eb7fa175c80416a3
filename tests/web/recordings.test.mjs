// Recorded calls: the badge while it runs, then listening, seeking and downloading in the call's details.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertAccessible, finish, launch, openAsAdmin, visit } from './browser.mjs'
import { Gateway, within } from './gateway.mjs'

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

test('F079 a recorded call shows that it is, and is heard, sought through, downloaded and deleted', async () => {
  const ana = await gateway.extension('2001', 'Ana')
  const bruno = await gateway.extension('2002', 'Bruno')
  const page = await openAsAdmin(browser, gateway)

  // Switched on where the company is set up.
  await visit(page, '/settings/company')
  const settings = page.getByRole('form', { name: 'Gravação de chamadas' })
  await settings.getByLabel('Gravar chamadas').selectOption('all')
  await settings.getByRole('button', { name: 'Salvar' }).click()
  await within(20_000, 'the setting', async () => (await gateway.api('GET', '/recording-settings')).mode === 'all')
  await settings.getByLabel('Avisar a pessoa de fora').uncheck()
  await settings.getByRole('button', { name: 'Salvar' }).click()
  await settings.getByLabel('Por que não se avisa').and(page.locator('[aria-invalid="true"]')).waitFor()
  await assertAccessible(page, 'the settings for recording')

  await visit(page, '/')
  gateway.phone(bruno, 'answer')
  await page.getByText('1 de 2').waitFor()
  gateway.phone(ana, '--tone', '440', '--talk', '4', 'call', '2002')
  await page.getByRole('region', { name: 'Ao vivo' }).getByText('Gravando').waitFor()
  const recorded = async () => {
    const { recordings } = await gateway.api('GET', '/recordings')
    return recordings[0]?.ended_at ? recordings[0] : null
  }
  await within(60_000, 'the recording', async () => (await recorded()) !== null)
  const recording = await recorded()
  assert.equal(recording.problem, null)

  await visit(page, '/calls')
  await page.getByRole('button', { name: 'Detalhes' }).first().click()
  await page.getByRole('heading', { name: 'Gravações' }).waitFor()
  const audio = page.locator('audio')
  await page.getByRole('button', { name: 'Ouvir' }).click()
  await within(20_000, 'the sound', () => audio.evaluate((element) => element.currentTime > 0.2))
  // The browser knows how long it is, and goes where it is told to.
  const length = await audio.evaluate((element) => element.duration)
  assert.ok(Math.abs(length - recording.duration_ms / 1000) < 0.1, `${length} s`)
  await page.getByRole('button', { name: 'Pausar' }).click()
  await page.getByRole('slider', { name: 'Posição' }).fill('2')
  await within(20_000, 'the position', () => audio.evaluate((element) => Math.abs(element.currentTime - 2) < 0.05))
  await page.getByLabel('Velocidade').selectOption({ index: 4 })
  await within(20_000, 'the speed', () => audio.evaluate((element) => element.playbackRate === 2))
  await assertAccessible(page, 'the player')
  await page.screenshot({ path: process.env.RAMAL_SHOTS ? `${process.env.RAMAL_SHOTS}/recording.png` : undefined })

  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Baixar' }).click()])
  assert.equal(download.suggestedFilename(), recording.file)

  await page.getByRole('button', { name: 'Apagar gravação' }).click()
  await page.getByRole('button', { name: 'Apagar gravação' }).last().click()
  await page.getByText('Apagada por').waitFor()
  const accesses = await gateway.api('GET', `/recordings/${recording.id}/accesses`)
  assert.deepEqual(accesses.map((one) => one.action).sort(), ['deleted', 'downloaded', 'listened'])
  await finish(page)
})
