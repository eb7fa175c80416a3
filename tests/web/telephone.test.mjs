// A telephone in a browser: SIP over WSS, media over DTLS-SRTP and ICE, heard and measured.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { finish, launch, open } from './browser.mjs'
import { Gateway, within } from './gateway.mjs'
import { FLAGS, telephone } from './telephone.mjs'

/** What a tone may lose or gain on its way through two laws and two sample rates. */
const TOLERANCE_DB = 1

let browser
let gateway
before(async () => {
  browser = await launch(FLAGS)
  gateway = await Gateway.start()
})
after(async () => {
  await browser?.close()
  await gateway?.stop()
})

const decibels = (ratio) => 20 * Math.log10(ratio)

async function record() {
  return within(10_000, 'the call in the list', async () => {
    const { calls } = await gateway.api('GET', '/calls')
    return calls[0]?.result ? calls[0] : null
  })
}

test('a browser hears its own tone back from the echo test, encrypted, also after hold', async () => {
  const ana = await gateway.extension('2001', 'Ana')
  const page = await open(browser, gateway)
  const phone = await telephone(page, gateway, ana, { frequency: 1004, level: 0.25 })
  await phone.call('*43')
  const { peak } = await phone.hear(1004)
  assert.ok(Math.abs(decibels(peak / 0.25)) < TOLERANCE_DB, `${decibels(peak / 0.25)} dB`)
  const connection = await phone.connection()
  assert.equal(connection.state, 'connected')
  assert.equal(connection.dtls, 'connected')
  assert.match(connection.cipher, /AES/)
  await phone.hold()
  await phone.resume()
  await phone.hear(1004)
  await phone.hangUp()
  const [leg] = (await record()).legs
  assert.equal(leg.encryption, 'DTLS-SRTP')
  assert.ok(leg.packets_received > 50 && leg.packets_lost === 0, JSON.stringify(leg))
  await finish(page)
})

test('a browser is called by a phone and each hears the other', async () => {
  const bruno = await gateway.extension('2002', 'Bruno')
  const carla = await gateway.extension('2003', 'Carla')
  const page = await open(browser, gateway)
  const phone = await telephone(page, gateway, carla, { frequency: 700, level: 0.25 })
  const calling = gateway.phone(bruno, '--tone', '440', '--talk', '6', 'call', '2003')
  await phone.answer()
  await phone.hear(440)
  assert.equal(await calling.ended, 0)
  const { strongest_hz, level_dbm0 } = JSON.parse(calling.report)
  assert.ok(Math.abs(strongest_hz - 700) < 10, calling.report)
  // A full tone is 3.14 dBm0 (ITU-T G.711 table 5).
  assert.ok(Math.abs(level_dbm0 - (decibels(0.25) + 3.14)) < TOLERANCE_DB, calling.report)
  const legs = (await record()).legs
  assert.deepEqual(
    legs.map(({ party, encryption }) => [party, encryption]),
    [
      ['2002', null],
      ['2003', 'DTLS-SRTP'],
    ],
  )
  await finish(page)
})

test('a browser that shows another certificate than it announced is not talked with', async () => {
  const dora = await gateway.extension('2004', 'Dora')
  const page = await open(browser, gateway)
  const phone = await telephone(page, gateway, dora, { frequency: 1004, level: 0.25 })
  await phone.impersonate('*43')
  const call = await within(10_000, 'the call in the list', async () => {
    const { calls } = await gateway.api('GET', '/calls')
    return calls.find(({ caller, result }) => caller.number === '2004' && result) ?? null
  })
  const why = call.trace.find(({ step }) => step === 'unsecured')
  assert.deepEqual([why?.end, why?.why], ['caller', 'wrong_certificate'], JSON.stringify(call.trace))
  await finish(page)
})
