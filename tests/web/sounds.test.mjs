// Audio files and music on hold: upload, speak, listen, use, and refuse to delete what is used.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { assertAccessible, assertNoSidewaysScroll, finish, launch, NARROW, openAsAdmin, visit, WIDE } from './browser.mjs'
import { Gateway } from './gateway.mjs'

const FIXTURES = join(dirname(fileURLToPath(import.meta.url)), '../../firmware/sounds/tests/fixtures')
const fixture = (name) => join(FIXTURES, name)
const canSpeak = spawnSync('espeak-ng', ['--version']).status === 0

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

const files = () => gateway.api('GET', '/audio-files')

test('a file is uploaded, heard, put into music on hold, and stays as long as that uses it', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/audio-files')
  await page.getByText('Ainda não há arquivos de áudio').waitFor()
  await page.getByRole('link', { name: 'Adicionar arquivo de áudio' }).click()
  const form = page.getByRole('dialog', { name: 'Adicionar arquivo de áudio' })
  const sound = form.locator('input[type=file]')
  // A picture that calls itself a sound is refused at the field.
  await sound.setInputFiles({ name: 'foto.wav', mimeType: 'audio/wav', buffer: readFileSync(fixture('picture.wav')) })
  await form.getByRole('button', { name: 'Salvar' }).click()
  await form.getByText('Isto não é um arquivo de som').waitFor()
  await sound.setInputFiles(fixture('tone.mp3'))
  await form.getByLabel('Nome', { exact: false }).first().fill('Boas-vindas')
  await form.getByRole('button', { name: 'Salvar' }).click()
  const row = page.getByRole('row', { name: /Boas-vindas/ })
  await row.getByText('0:00').waitFor()
  assert.equal((await files())[0].origin.format, 'mp3')
  // The browser plays it.
  const heard = await row.locator('audio').evaluate(async (audio) => {
    audio.muted = true
    await audio.play()
    return audio.duration
  })
  assert.ok(heard > 0.5 && heard < 0.8, `${heard} s`)

  await visit(page, '/music-on-hold')
  await page.getByRole('link', { name: 'Adicionar música' }).click()
  const music = page.getByRole('dialog', { name: 'Adicionar música' })
  await music.getByLabel('Nome', { exact: false }).first().fill('Espera')
  await music.getByLabel('Adicionar um arquivo de áudio').selectOption({ label: 'Boas-vindas' })
  await music.getByLabel('Enviar arquivos').setInputFiles([fixture('vorbis.ogg'), fixture('tone.flac')])
  await music.getByText('tone').waitFor()
  await music.getByLabel('Ordem').selectOption({ label: 'Aleatória' })
  await music.getByRole('button', { name: 'Salvar' }).click()
  await page.getByRole('row', { name: /Espera/ }).getByText('3 arquivos').waitFor()

  await visit(page, '/settings/company')
  await page.getByLabel('Música de espera').selectOption({ label: 'Espera' })
  await page.getByRole('form', { name: 'Empresa' }).getByRole('button', { name: 'Salvar' }).click()
  await visit(page, '/music-on-hold')
  await page.getByRole('row', { name: /Espera/ }).getByRole('link', { name: 'Empresa' }).waitFor()
  assert.ok(await page.getByRole('button', { name: 'Excluir música Espera' }).isDisabled())
  await visit(page, '/audio-files')
  await page.getByRole('row', { name: /Boas-vindas/ }).getByRole('link', { name: 'Música de espera Espera' }).waitFor()
  assert.ok(await page.getByRole('button', { name: 'Excluir arquivo de áudio Boas-vindas' }).isDisabled())
  await finish(page)
})

test('a text is spoken, heard first and saved', { skip: !canSpeak && 'espeak-ng is not installed' }, async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/audio-files/new')
  const form = page.getByRole('dialog', { name: 'Adicionar arquivo de áudio' })
  await form.getByLabel('Falar um texto').check()
  await form.getByLabel('Nome', { exact: false }).first().fill('Fechado')
  await form.getByLabel('Texto', { exact: true }).fill('Estamos fechados. Ligue amanhã.')
  await form.getByRole('button', { name: 'Ouvir antes' }).click()
  const length = await form.locator('audio').evaluate(
    (audio) =>
      new Promise((resolve) => {
        if (audio.readyState > 0) resolve(audio.duration)
        else audio.onloadedmetadata = () => resolve(audio.duration)
      }),
  )
  assert.ok(length > 1, `${length} s`)
  await form.getByRole('button', { name: 'Salvar' }).click()
  await page.getByRole('row', { name: /Fechado/ }).getByText('Texto falado').waitFor()
  const spoken = (await files()).find(({ name }) => name === 'Fechado')
  assert.equal(spoken.origin.text, 'Estamos fechados. Ligue amanhã.')
  await finish(page)
})

test('both screens stand at every width and are accessible', async () => {
  for (const width of [NARROW, WIDE]) {
    const page = await openAsAdmin(browser, gateway, { width })
    const [{ id }] = await files()
    const [{ id: music }] = await gateway.api('GET', '/music-classes')
    for (const path of ['/audio-files', '/audio-files/new', `/audio-files/${id}`, '/music-on-hold', '/music-on-hold/new', `/music-on-hold/${music}`]) {
      await visit(page, path)
      await assertNoSidewaysScroll(page, `${path} at ${width}`)
      await assertAccessible(page, `${path} at ${width}`)
      if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, `${width}${path.replaceAll('/', '-')}.png`), fullPage: true })
    }
    await finish(page)
  }
})
