// The first visit, in every language.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertAccessible, assertNoSidewaysScroll, finish, launch, NARROW, open, visit, WIDE } from './browser.mjs'
import { Gateway } from './gateway.mjs'

const TEXTS = {
  'pt-BR': {
    title: 'Boas-vindas', login: 'Login', password: 'Senha', country: 'País', finish: 'Concluir', home: 'Início',
    short: 'Curto demais: 10-256 caracteres.', common: 'Esta é uma das primeiras senhas que um invasor tenta. Escolha outra.',
    likely: 'BR',
  },
  es: {
    title: 'Le damos la bienvenida', login: 'Nombre de acceso', password: 'Contraseña', country: 'País', finish: 'Terminar',
    home: 'Inicio', short: 'Demasiado corto: 10-256 caracteres.',
    common: 'Es una de las primeras contraseñas que prueba un atacante. Elija otra.', likely: 'MX',
  },
  id: {
    title: 'Selamat datang', login: 'Nama masuk', password: 'Kata sandi', country: 'Negara', finish: 'Selesai', home: 'Beranda',
    short: 'Terlalu pendek: 10-256 karakter.',
    common: 'Ini salah satu kata sandi pertama yang dicoba penyerang. Pilih yang lain.', likely: 'ID',
  },
  en: {
    title: 'Welcome', login: 'Login', password: 'Password', country: 'Country', finish: 'Finish set-up', home: 'Home',
    short: 'Too short: 10-256 characters.',
    common: 'This is one of the first passwords an attacker tries. Choose another.', likely: 'GB',
  },
}
const BROWSERS = {
  'pt-BR': { locale: 'pt-BR', zone: 'America/Sao_Paulo', width: WIDE },
  es: { locale: 'es-MX', zone: 'America/Mexico_City', width: NARROW },
  id: { locale: 'id-ID', zone: 'Asia/Jakarta', width: WIDE },
  en: { locale: 'en-GB', zone: 'Europe/London', width: NARROW },
}

let browser
before(async () => (browser = await launch()))
after(() => browser?.close())

for (const [language, text] of Object.entries(TEXTS)) {
  test(`the first visit sets the gateway up in ${language}`, async () => {
    const gateway = await Gateway.empty()
    try {
      const { locale, zone, width } = BROWSERS[language]
      const page = await open(browser, gateway, { language: locale, width, zone })
      await visit(page, '/calls')
      await page.getByRole('heading', { level: 1, name: text.title }).waitFor()
      assert.equal(await page.locator('html').getAttribute('lang'), language)
      await page.waitForFunction(() => document.querySelector('select[name=country]')?.value)
      assert.equal(await page.getByLabel(text.country).inputValue(), text.likely)
      await assertNoSidewaysScroll(page, 'set-up')
      await assertAccessible(page, 'set-up')

      // Rules show while typing; the gateway's refusal stands at the field, which then has the focus.
      await page.getByLabel(text.login, { exact: true }).fill('mariana')
      const password = page.getByLabel(text.password, { exact: true })
      await password.fill('curta')
      assert.equal(await page.locator('li.kept').count(), 1)
      await page.getByRole('button', { name: text.finish }).click()
      await page.getByText(text.short).waitFor()
      assert.equal(await password.getAttribute('aria-invalid'), 'true')
      assert.ok(await password.evaluate((field) => field === document.activeElement))

      await password.fill('password123456')
      await page.getByRole('button', { name: text.finish }).click()
      await page.getByText(text.common).waitFor()
      assert.equal((await gateway.api('GET', '/status')).set_up, false)

      await password.fill('quatro gatos no telhado')
      assert.equal(await page.locator('li.kept').count(), 2)
      await page.getByRole('button', { name: text.finish }).click()
      await page.getByRole('heading', { level: 1, name: text.home }).waitFor()
      assert.equal(new URL(page.url()).pathname, '/')

      const company = await gateway.api('GET', '/company')
      assert.equal(company.language, language)
      assert.equal(company.country, text.likely)
      assert.equal(company.time_zone, zone)
      const users = await gateway.api('GET', '/users')
      assert.deepEqual(users.map(({ login, role }) => [login, role]), [['mariana', 'admin']])
      await finish(page)
    } finally {
      await gateway.stop()
    }
  })
}
