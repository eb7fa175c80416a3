// A real gateway for a test: a ramald process of its own on loopback, with an empty data directory.
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { existsSync, openSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const READY_MS = 60_000
const STOP_MS = 15_000
const RTP_PORTS = 200
const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

export const ADMIN = { login: 'admin', password: 'um girassol na janela' }

/** A program of this workspace: from the environment, else the newest build beside the sources. */
export function program(name) {
  const given = process.env[name.toUpperCase()]
  const folders = [process.env.CARGO_TARGET_DIR, join(root, '.build/target'), join(root, 'target')].filter(Boolean)
  const places = folders.flatMap((folder) => ['release', 'debug'].map((kind) => join(folder, kind, name)))
  const found = given ?? places.find((place) => existsSync(place))
  if (!found) throw new Error(`${name} is not built: cargo build -p ${name}, or name it in ${name.toUpperCase()}`)
  return found
}

export class Gateway {
  /** A gateway as it comes from the box; `flags` are given to the process besides its own. */
  static async empty(flags = []) {
    const gateway = new Gateway()
    gateway.flags = flags
    gateway.directory = await mkdtemp(join(tmpdir(), 'ramal-web-'))
    for (;;) {
      const https = await freePair()
      gateway.ports = { https, sip: https + 1, rtp: await freeRange() }
      try {
        await gateway.run()
        return gateway
      } catch (error) {
        // Another test may have taken the port since it was seen to be free.
        if (!String(error).includes('Address already in use')) throw error
      }
    }
  }

  /** A gateway set up for a Brazilian company. */
  static async start(language = 'pt-BR', flags = []) {
    const gateway = await Gateway.empty(flags)
    await gateway.api('POST', '/setup', {
      language,
      country: 'BR',
      company: { legal_name: 'Padaria Três Irmãos', area_code: '51' },
      admin: { ...ADMIN, name: 'Mariana Souza' },
    })
    return gateway
  }

  get url() {
    return `https://127.0.0.1:${this.ports.https}`
  }

  /** Starts the process, again on the same data after `kill`. */
  async run() {
    const { https, sip, rtp } = this.ports
    const log = openSync(join(this.directory, 'log'), 'a')
    const flags = [
      ['--data-dir', join(this.directory, 'data')],
      ['--run-dir', join(this.directory, 'run')],
      ['--https', `127.0.0.1:${https}`],
      ['--sip', `127.0.0.1:${sip}`],
      ['--sip-tls', '127.0.0.1:0'],
      ['--rtp-ports', `${rtp}-${rtp + RTP_PORTS - 1}`],
      ['--advertise', '127.0.0.1'],
      ...(process.env.RAMAL_PROMPTS ? [['--prompts-dir', process.env.RAMAL_PROMPTS]] : []),
    ]
    this.child = spawn(program('ramald'), [...flags.flat(), ...this.flags], { stdio: ['ignore', log, log] })
    this.ended = new Promise((resolve) => {
      this.child.once('exit', resolve)
      this.child.once('error', resolve)
    })
    await within(READY_MS, 'the gateway to answer', async () => {
      if (this.child.exitCode !== null) throw new Error(`ramald ended at once:\n${this.log()}`)
      return this.api('GET', '/status').catch(() => null)
    })
  }

  log() {
    return readFileSync(join(this.directory, 'log'), 'utf8').split('\n').slice(-20).join('\n')
  }

  /** Ends the process as a power cut would. */
  async kill() {
    this.child.kill('SIGKILL')
    await this.ended
  }

  async stop() {
    this.child.kill('SIGTERM')
    const late = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS)
    await this.ended
    clearTimeout(late)
    await rm(this.directory, { recursive: true, force: true })
  }

  /** The API as the local administrator, over the Unix socket. */
  api(method, path, body) {
    const { promise, resolve, reject } = withResolvers()
    const call = request(
      {
        socketPath: join(this.directory, 'run/api.sock'),
        method,
        path: `/api/v1${path}`,
        headers: { host: 'localhost', ...(body !== undefined && { 'content-type': 'application/json' }) },
      },
      async (answer) => {
        let text = ''
        for await (const part of answer.setEncoding('utf8')) text += part
        if (answer.statusCode >= 400) reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`))
        else resolve(text ? JSON.parse(text) : undefined)
      },
    )
    call.once('error', reject)
    call.end(body === undefined ? undefined : JSON.stringify(body))
    return promise
  }

  extension(number, display_name) {
    return this.api('POST', '/extensions', { number, display_name })
  }

  /** A test phone of this gateway; `phone.ended` resolves to its exit code, `phone.report` is what it says of its call. */
  phone({ extension, secret }, ...action) {
    const flags = ['--server', `127.0.0.1:${this.ports.sip}`, '--user', extension.number, ...action]
    const env = { ...process.env, SIPPHONE_SECRET: secret }
    const phone = spawn(program('sipphone'), flags, { stdio: ['ignore', 'pipe', 'inherit'], env })
    phone.report = ''
    phone.stdout.setEncoding('utf8').on('data', (text) => (phone.report += text))
    phone.ended = new Promise((resolve, reject) => phone.once('close', resolve).once('error', reject))
    return phone
  }

  /** Registers a phone for some minutes. */
  async register(credentials) {
    const code = await this.phone(credentials, 'register', '300').ended
    if (code !== 0) throw new Error(`extension ${credentials.extension.number} could not register`)
  }
}

/** The first truthy value of `look`; throws when none came in time. */
export async function within(ms, what, look) {
  const end = Date.now() + ms
  for (;;) {
    const value = await look()
    if (value) return value
    if (Date.now() > end) throw new Error(`waited ${ms} ms for ${what}`)
    await pause(50)
  }
}

/** The first of two ports between the voice ports and those the kernel hands out. */
async function freePair() {
  for (;;) {
    const first = 30_000 + 2 * Math.floor(Math.random() * 1_350)
    const tries = [first, first + 1].flatMap((port) => [isFree(port), isFreeForStreams(port)])
    if ((await Promise.all(tries)).every(Boolean)) return first
  }
}

/** Voice ports below the range the kernel hands out. */
async function freeRange() {
  for (;;) {
    const first = 10_000 + 2 * Math.floor(Math.random() * 10_000)
    const tries = [first, first + 1, first + RTP_PORTS / 2, first + RTP_PORTS - 1]
    if ((await Promise.all(tries.map(isFree))).every(Boolean)) return first
  }
}

function isFree(port) {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    socket.once('error', () => resolve(false))
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)))
  })
}

function isFreeForStreams(port) {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

function withResolvers() {
  const parts = {}
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }))
  return parts
}
