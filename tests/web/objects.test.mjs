// The objects configured by described forms: menus, queues, hours, numbers, profiles; refusals beside their field.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertAccessible, finish, launch, NARROW, openAsAdmin, visit } from './browser.mjs'
import { Gateway, within } from './gateway.mjs'

let browser
let gateway
let menuSound
before(async () => {
  browser = await launch()
  gateway = await Gateway.start()
  await gateway.extension('2001', 'Recepção')
  await gateway.extension('2002', 'Suporte')
  menuSound = await gateway.api('POST', '/audio-files/speech', { name: 'Opções', description: '', text: 'Um, vendas.', language: 'pt-BR' })
})
after(async () => {
  await browser?.close()
  await gateway?.stop()
})

const save = (dialog) => dialog.getByRole('button', { name: 'Salvar' }).click()

test('a queue is added with its members, changed, and listed in words', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/queues')
  await page.getByText('Ainda não há filas.').waitFor()
  await page.getByRole('link', { name: 'Adicionar fila' }).click()
  const dialog = page.getByRole('dialog', { name: 'Adicionar fila' })
  // Refused fields stand beside their inputs, the first has the focus.
  await save(dialog)
  await dialog.locator('input[name=name][aria-invalid=true]').waitFor()
  assert.ok(await dialog.locator('input[name=name]').evaluate((input) => input === document.activeElement))
  assert.equal(await dialog.locator('input[name=number]').getAttribute('aria-invalid'), 'true')
  await dialog.getByLabel('Nome').fill('Vendas')
  await dialog.locator('input[name=number]').fill('301')
  for (const [index, name] of ['2001 Recepção', '2002 Suporte'].entries()) {
    await dialog.getByRole('button', { name: 'Adicionar: Membros' }).click()
    await dialog.locator(`select[name="members[${index}].id"]`).selectOption({ label: name })
  }
  await dialog.getByRole('button', { name: 'Mover o item 2 para cima' }).click()
  await dialog.getByLabel('Quem recebe o próximo').selectOption('longest_idle')
  await save(dialog)
  await dialog.waitFor({ state: 'detached' })
  const row = page.locator('tbody tr').filter({ hasText: 'Vendas' })
  await row.getByText('Ramal: 2002 Suporte, Ramal: 2001 Recepção').waitFor()
  const [queue] = await gateway.api('GET', '/queues')
  assert.equal(queue.strategy, 'longest_idle')
  assert.equal(queue.members.length, 2)

  await page.getByRole('link', { name: 'Editar Vendas' }).click()
  const change = page.getByRole('dialog', { name: 'Fila: Vendas' })
  await change.getByText('Mais configurações').click()
  const wrapUp = change.locator('input[name=wrap_up]')
  await wrapUp.fill('9999')
  await save(change)
  await change.locator('input[name=wrap_up][aria-invalid=true]').waitFor()
  await wrapUp.fill('20')
  await save(change)
  await change.waitFor({ state: 'detached' })
  const [changed] = await gateway.api('GET', '/queues')
  assert.deepEqual({ ...changed, wrap_up: 10 }, queue)
  await finish(page)
})

test('a menu is built of keys that lead on; what is used cannot be deleted', async () => {
  const page = await openAsAdmin(browser, gateway)
  const [queue] = await gateway.api('GET', '/queues')
  await visit(page, '/ivrs/new')
  const dialog = page.getByRole('dialog', { name: 'Adicionar URA' })
  await dialog.getByLabel('Nome').fill('Principal')
  await dialog.locator('select[name=menu]').selectOption({ label: 'Opções' })
  const add = dialog.getByRole('button', { name: 'Adicionar: Teclas' })
  await add.click()
  await add.click()
  assert.equal(await dialog.locator('select[name="keys[1].key"]').inputValue(), '2')
  await dialog.locator('select[name="keys[0].destination"]').selectOption('queue')
  await dialog.locator('select[name="keys[0].destination.id"]').selectOption({ label: 'Vendas' })
  await dialog.locator('select[name="keys[1].destination"]').selectOption('external')
  await save(dialog)
  await dialog.locator('input[name="keys[1].destination.number"][aria-invalid=true]').waitFor()
  await dialog.locator('input[name="keys[1].destination.number"]').fill('51999998888')
  await assertAccessible(page, 'menu form')
  await save(dialog)
  await dialog.waitFor({ state: 'detached' })
  const [ivr] = await gateway.api('GET', '/ivrs')
  assert.equal(ivr.menu, menuSound.id)
  assert.deepEqual(
    ivr.keys.map(({ key, destination }) => [key, destination.to]),
    [
      ['1', 'queue'],
      ['2', 'external'],
    ],
  )
  assert.equal(ivr.keys[0].destination.id, queue.id)

  await visit(page, '/queues')
  assert.ok(await page.getByRole('button', { name: 'Excluir Vendas' }).isDisabled())
  await page.getByRole('link', { name: 'Editar Vendas' }).click()
  await page.getByRole('dialog').getByRole('link', { name: 'URA Principal' }).waitFor()
  await finish(page)
})

test('hours: added on a small screen, closed by hand until a moment in the company’s time', async () => {
  const page = await openAsAdmin(browser, gateway, { width: NARROW, zone: 'Asia/Jakarta' })
  await visit(page, '/time-conditions/new')
  const dialog = page.getByRole('dialog', { name: 'Adicionar condição de horário' })
  await dialog.getByLabel('Nome').fill('Comercial')
  await dialog.getByRole('button', { name: 'Adicionar: Períodos' }).click()
  await dialog.getByLabel('Sáb').check()
  await dialog.locator('input[name="periods[0].end"]').fill('99:00')
  await save(dialog)
  await dialog.locator('input[name="periods[0].end"][aria-invalid=true]').waitFor()
  await dialog.locator('input[name="periods[0].end"]').fill('18:30')
  await dialog.locator('select[name=override]').selectOption('closed')
  await dialog.locator('input[name="override.until"]').fill('2040-12-24T18:00')
  await save(dialog)
  await dialog.waitFor({ state: 'detached' })
  const [hours] = await gateway.api('GET', '/time-conditions')
  assert.deepEqual(hours.periods[0].weekdays, [1, 2, 3, 4, 5, 6])
  assert.equal(hours.periods[0].end, '18:30')
  // São Paulo is three hours behind UTC.
  assert.deepEqual(hours.override, { state: 'closed', until: Date.UTC(2040, 11, 24, 21) })
  await page.getByText('Fechado: como fora dos períodos').waitFor()
  await finish(page)
})

test('a number leads to a menu, and keeps what its form does not show', async () => {
  const [ivr] = await gateway.api('GET', '/ivrs')
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/numbers/new')
  const dialog = page.getByRole('dialog', { name: 'Adicionar número' })
  await dialog.locator('input[name=number]').fill('+555133334444')
  await dialog.getByLabel('Nome na empresa').fill('Geral')
  await dialog.locator('select[name=target]').selectOption('ivr')
  await dialog.locator('select[name=ivr]').selectOption({ label: 'Principal' })
  await save(dialog)
  await dialog.waitFor({ state: 'detached' })
  const [number] = await gateway.api('GET', '/numbers')
  assert.deepEqual([number.target, number.ivr, number.mode], ['ivr', ivr.id, 'receive'])
  await page.getByRole('link', { name: 'Editar +555133334444 Geral' }).click()
  const change = page.getByRole('dialog', { name: 'Número: +555133334444 Geral' })
  await change.getByLabel('Nome na empresa').fill('Matriz')
  await save(change)
  await change.waitFor({ state: 'detached' })
  const [changed] = await gateway.api('GET', '/numbers')
  assert.deepEqual({ ...changed, label: 'Geral' }, number)
  await finish(page)
})

test('a profile is put together, and a user gets it', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/profiles/new')
  const dialog = page.getByRole('dialog', { name: 'Adicionar perfil' })
  await dialog.getByLabel('Nome').fill('Telefonista')
  await dialog.getByLabel('Histórico de chamadas: ver').check()
  await dialog.getByLabel('De quem: Histórico de chamadas').selectOption('team')
  await dialog.getByLabel('Gravações: ouvir').check()
  await dialog.getByLabel('Todos os que as permissões tornam úteis').uncheck()
  await dialog.getByLabel('Troncos e linhas').uncheck()
  await save(dialog)
  await dialog.waitFor({ state: 'detached' })
  const [profile] = await gateway.api('GET', '/profiles')
  assert.deepEqual(profile.permissions, [
    { area: 'calls', verb: 'view', scope: 'team' },
    { area: 'recordings', verb: 'listen', scope: 'all' },
  ])
  assert.ok(profile.menus.includes('calls') && !profile.menus.includes('trunks'))
  await gateway.api('POST', '/users', { login: 'carla.m', name: 'Carla', role: 'agent', password: 'quatro gatos no telhado' })
  await visit(page, '/settings/users')
  await page.getByRole('link', { name: 'Editar o usuário Carla' }).click()
  const user = page.getByRole('dialog')
  await user.getByLabel('Perfil').selectOption({ label: 'Telefonista' })
  await user.locator('select[name=extension]').selectOption({ label: '2001 Recepção' })
  await save(user)
  await user.waitFor({ state: 'detached' })
  const carla = await within(5000, 'the profile', async () =>
    (await gateway.api('GET', '/users')).find(({ login, profile: of }) => login === 'carla.m' && of === profile.id),
  )
  assert.ok(carla.extension)
  await finish(page)
})

test('a webhook shows its secret once', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/webhooks/new')
  const dialog = page.getByRole('dialog', { name: 'Adicionar webhook' })
  await dialog.getByLabel('Nome').fill('CRM')
  await dialog.getByLabel('Endereço').fill('https://crm.example.com/calls')
  await dialog.getByLabel('Chamada perdida').check()
  await save(dialog)
  const secret = page.getByRole('dialog', { name: 'Segredo' })
  assert.match(await secret.locator('code').innerText(), /^whsec_/)
  await secret.getByRole('button', { name: 'Já anotei' }).click()
  await page.locator('tbody tr').filter({ hasText: 'crm.example.com' }).waitFor()
  const [webhook] = await gateway.api('GET', '/webhooks')
  assert.deepEqual(webhook.events, ['call.missed'])
  await finish(page)
})

test('holidays come from a country and from a file', async () => {
  const page = await openAsAdmin(browser, gateway)
  await visit(page, '/calendars/new')
  const dialog = page.getByRole('dialog', { name: 'Adicionar calendário' })
  await dialog.getByLabel('Nome').fill('Feriados')
  await dialog.locator('select[name=country]').selectOption({ label: 'Brasil' })
  await dialog.locator('select[name=region]').selectOption({ label: 'São Paulo' })
  const file = dialog.locator('input[type=file]')
  await file.setInputFiles({ name: 'nada.ics', mimeType: 'text/calendar', buffer: Buffer.from('data,nome') })
  await dialog.getByRole('alert').waitFor()
  const event = (lines) => `BEGIN:VEVENT\r\n${lines}\r\nEND:VEVENT\r\n`
  const natal = event('DTSTART;VALUE=DATE:20200126\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:Aniversário da cidade')
  const meeting = event('DTSTART:20261201T120000Z\r\nSUMMARY:Reunião')
  const calendar = `BEGIN:VCALENDAR\r\nVERSION:2.0\r\n${natal}${meeting}END:VCALENDAR\r\n`
  await file.setInputFiles({ name: 'cidade.ics', mimeType: 'text/calendar', buffer: Buffer.from(calendar) })
  await dialog.getByText('1 dia').first().waitFor()
  await dialog.getByText('Reunião (não é o dia inteiro)').waitFor()
  assert.equal(await dialog.locator('input[name="holidays[0].date"]').inputValue(), '01-26')
  await save(dialog)
  await dialog.waitFor({ state: 'detached' })

  await page.getByRole('link', { name: 'Editar Feriados' }).click()
  const change = page.getByRole('dialog', { name: 'Calendário: Feriados' })
  for (const text of ['Revolução Constitucionalista', 'Aniversário da cidade', 'Finados']) await change.locator('li').filter({ hasText: text }).waitFor()
  await change.getByRole('button', { name: 'Ano seguinte' }).click()
  await change.getByRole('heading', { name: `Feriados de ${new Date().getFullYear() + 1}` }).waitFor()
  await assertAccessible(page)
  await finish(page)
})
