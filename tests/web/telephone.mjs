// A telephone in a page: JsSIP over WebSocket, a tone for a microphone, and ears that measure.
import { createRequire } from 'node:module'
import { build } from 'esbuild'

const JSSIP = (
  await build({
    entryPoints: [createRequire(import.meta.url).resolve('jssip')],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'JsSIP',
    platform: 'browser',
    logLevel: 'error',
  })
).outputFiles[0].text

/** What Chromium needs to talk to a gateway on this very machine, and to sound without a click. */
export const FLAGS = ['--allow-loopback-in-peer-connection', '--autoplay-policy=no-user-gesture-required']

/** Registers the page as this extension and returns the steps to make it talk. `level` is the peak of its tone, 1 the loudest. */
export async function telephone(page, gateway, { extension, secret }, { frequency, level }) {
  await page.goto('/robots.txt')
  await page.evaluate(`${JSSIP};globalThis.JsSIP = JsSIP`)
  const server = `wss://127.0.0.1:${gateway.ports.https}/ws`
  await page.evaluate(register, { server, host: '127.0.0.1', number: extension.number, secret, frequency, level })
  return {
    /** Calls a number. Resolves when it has answered. */
    call: (number) => page.evaluate((to) => globalThis.phone.call(to), number),
    /** Calls a number and announces a certificate that is not its own. Resolves when the call is over, with the cause. */
    impersonate: (number) => page.evaluate((to) => globalThis.phone.impersonate(to), number),
    /** Answers the next call. Resolves when media is agreed. */
    answer: () => page.evaluate(() => globalThis.phone.answer()),
    /** Milliseconds from now until the tone of this frequency is all that is heard, and its peak then. */
    hear: (hz) => page.evaluate((tone) => globalThis.phone.hear(tone), hz),
    /** What the browser says of its connection. */
    connection: () => page.evaluate(() => globalThis.phone.connection()),
    hold: () => page.evaluate(() => globalThis.phone.hold(true)),
    resume: () => page.evaluate(() => globalThis.phone.hold(false)),
    hangUp: () => page.evaluate(() => globalThis.phone.hangUp()),
  }
}

/** Runs in the page. */
async function register({ server, host, number, secret, frequency, level }) {
  const { JsSIP } = globalThis
  const audio = new AudioContext({ sampleRate: 48_000 })
  const mouth = audio.createMediaStreamDestination()
  const tone = new OscillatorNode(audio, { frequency })
  tone.connect(new GainNode(audio, { gain: level })).connect(mouth)
  tone.start()
  const ear = new AnalyserNode(audio, { fftSize: 16_384 })

  const agent = new JsSIP.UA({
    sockets: [new JsSIP.WebSocketInterface(server)],
    uri: `sip:${number}@${host}`,
    password: secret,
    register: true,
    session_timers: false,
  })
  let session
  let incoming
  const arrived = new Promise((resolve) => (incoming = resolve))
  agent.on('newRTCSession', ({ originator, session: one }) => {
    session = one
    if (originator === 'remote') incoming(one)
  })
  const listen = (connection) => {
    connection.addEventListener('track', ({ track }) => {
      const stream = new MediaStream([track])
      // Chromium gives the sound of a far end to WebAudio only when an element plays it, too.
      const player = new Audio()
      player.muted = true
      player.srcObject = stream
      globalThis.player = player
      audio.createMediaStreamSource(stream).connect(ear)
    })
  }
  const settled = (one) =>
    new Promise((resolve, reject) => {
      one.on('confirmed', () => resolve())
      one.on('failed', ({ cause, message }) => reject(new Error(`${cause} ${message?.status_code ?? ''}`)))
    })

  globalThis.phone = {
    call(to) {
      const one = agent.call(`sip:${to}@${host}`, { mediaStream: mouth.stream, pcConfig: { iceServers: [] } })
      listen(one.connection)
      return settled(one)
    },
    async impersonate(to) {
      const one = agent.call(`sip:${to}@${host}`, { mediaStream: mouth.stream, pcConfig: { iceServers: [] } })
      one.on('sdp', (event) => {
        if (event.originator !== 'local') return
        event.sdp = event.sdp.replace(/(a=fingerprint:sha-256 )(..)/, (_, name, first) => name + (first === '00' ? '01' : '00'))
      })
      return new Promise((resolve) => {
        one.on('ended', ({ cause }) => resolve(cause))
        one.on('failed', ({ cause }) => resolve(cause))
      })
    },
    async answer() {
      const one = await arrived
      one.on('peerconnection', ({ peerconnection }) => listen(peerconnection))
      const done = settled(one)
      one.answer({ mediaStream: mouth.stream, pcConfig: { iceServers: [] } })
      return done
    },
    async hear(hz) {
      const begin = performance.now()
      const samples = new Float32Array(ear.fftSize)
      const turn = (2 * Math.PI * hz) / audio.sampleRate
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 50))
        ear.getFloatTimeDomainData(samples)
        let [sine, cosine, power] = [0, 0, 0]
        samples.forEach((sample, n) => {
          // Hann's window keeps the edges of the piece out of the measurement.
          const weight = 1 - Math.cos((2 * Math.PI * n) / samples.length)
          sine += weight * sample * Math.sin(turn * n)
          cosine += weight * sample * Math.cos(turn * n)
          power += weight * sample * sample
        })
        const peak = (2 * Math.hypot(sine, cosine)) / samples.length
        const share = (peak * peak) / 2 / (power / samples.length)
        if (peak > 0.001 && share > 0.98) return { peak, ms: performance.now() - begin }
        if (performance.now() - begin > 60_000) throw new Error(`no tone of ${hz} Hz: peak ${peak}, share ${share}`)
      }
    },
    async connection() {
      const report = [...(await session.connection.getStats()).values()]
      const transport = report.find(({ type }) => type === 'transport')
      const codec = report.find(({ type }) => type === 'codec')
      return {
        state: session.connection.connectionState,
        dtls: transport?.dtlsState,
        cipher: transport?.srtpCipher,
        version: transport?.tlsVersion,
        codec: codec?.mimeType,
      }
    },
    hold(wanted) {
      return new Promise((resolve) => (wanted ? session.hold({}, resolve) : session.unhold({}, resolve)))
    },
    hangUp() {
      const ended = new Promise((resolve) => session.on('ended', resolve))
      session.terminate()
      return ended.then(() => undefined)
    },
  }
  await audio.resume()
  await new Promise((resolve, reject) => {
    agent.on('registered', resolve)
    agent.on('registrationFailed', ({ cause }) => reject(new Error(cause)))
    agent.start()
  })
}
