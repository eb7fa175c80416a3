// The browser, and pages that remember what must never happen.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'
import { ADMIN } from './gateway.mjs'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Widths the interface must stand: the smallest phone, and a desk. */
export const NARROW = 360
export const WIDE = 1280

export function launch(flags = []) {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: [...FLAGS, ...flags] })
}

/** A page of its own session. `page.faults` collects requests to elsewhere, script errors and policy violations. */
export async function open(browser, gateway, options = {}) {
  const { language = 'pt-BR', width = WIDE, theme = 'light', zone = 'America/Sao_Paulo' } = options
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    baseURL: gateway.url,
    viewport: { width, height: width < 600 ? 740 : 860 },
    locale: language,
    timezoneId: zone,
    colorScheme: theme,
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  page.faults = []
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url())
    if (origin !== gateway.url && protocol !== 'blob:' && protocol !== 'data:') page.faults.push(`request to ${request.url()}`)
  })
  page.on('pageerror', (error) => page.faults.push(`script error: ${error.message}`))
  page.on('console', (message) => {
    // A refused request is logged by the browser itself; the tests look at what the page makes of it.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) page.faults.push(message.text())
  })
  return page
}

/** The same, logged in; the form itself is tested elsewhere. A language given here is chosen, whatever the account's is. */
export async function openAsAdmin(browser, gateway, options = {}) {
  const page = await open(browser, gateway, options)
  if (options.language) await page.addInitScript((code) => localStorage.setItem('ramal.language', code), options.language)
  const answer = await page.request.post('/api/v1/session', { data: ADMIN })
  assert.equal(answer.status(), 200)
  return page
}

/** Goes to a screen and waits until it stands. */
export async function visit(page, path) {
  await page.goto(path)
  await page.locator('h1').waitFor()
  await settled(page)
}

/** Waits until nothing on the page says that it is still loading. */
export async function settled(page) {
  await page.waitForFunction(() => ![...document.querySelectorAll('[role=status]')].some((one) => one.textContent.endsWith('…')))
}

/** Asserts that nothing sticks out to the right, on the page and in an open dialog. */
export async function assertNoSidewaysScroll(page, where) {
  const wide = await page.evaluate(() =>
    [document.documentElement, ...document.querySelectorAll('dialog[open]')]
      .filter((box) => box.scrollWidth > box.clientWidth)
      .map((box) => `${box.tagName} ${box.scrollWidth} > ${box.clientWidth}`),
  )
  assert.deepEqual(wide, [], where)
}

/** Asserts that axe finds nothing serious or critical. */
export async function assertAccessible(page, where) {
  // The page's policy forbids foreign scripts, as it should; the protocol evaluates beside it.
  await page.evaluate(AXE)
  const found = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] })
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`)
  })
  assert.deepEqual(found, [], where)
}

/** Asserts that the page never did what must never happen, and closes it. */
export async function finish(page) {
  const { faults } = page
  await page.context().close()
  assert.deepEqual(faults, [])
}
