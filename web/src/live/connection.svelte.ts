// The event stream: connects, notices silence, and connects again.
import { BASE } from '../api/client'
import type { Live } from '../api/types'
import { apply, EVENT_NAMES, NOTHING, type LiveEvent } from './state'

/** The gateway sends at least a comment every 15 s, which EventSource hides; a request probes instead. */
const PROBE_MS = 10_000
const PROBE_TIMEOUT_MS = 5_000
const RETRY_MS = [1_000, 2_000, 4_000, 8_000] as const

export type Connection = 'connecting' | 'open' | 'lost'

class LiveConnection {
  state = $state<Connection>('connecting')
  live = $state.raw<Live>(NOTHING)
  /** Grows with each saved configuration, from whichever browser or API client. */
  configurationChanges = $state(0)
  /** Grows with each voice message that came or changed. */
  voicemailChanges = $state(0)
  /** Grows with each call that ended. */
  callsEnded = $state(0)

  #source: EventSource | null = null
  #retry: ReturnType<typeof setTimeout> | undefined
  #probe: ReturnType<typeof setInterval> | undefined
  #attempts = 0
  #check: () => Promise<unknown> = async () => undefined

  /** Connects; `check` is a cheap request by which an ended session or a silent network is found out. */
  start(check: () => Promise<unknown>): void {
    this.stop()
    this.#check = check
    this.#attempts = 0
    this.#connect()
    this.#probe = setInterval(() => void this.#look(), PROBE_MS)
    addEventListener('online', this.#again)
    addEventListener('offline', this.#fail)
  }

  stop(): void {
    removeEventListener('online', this.#again)
    removeEventListener('offline', this.#fail)
    clearInterval(this.#probe)
    clearTimeout(this.#retry)
    this.#source?.close()
    this.#source = null
    this.state = 'connecting'
    this.live = NOTHING
  }

  /** Has everything read again: what is configured is looked at in another way. */
  readonly lookAgain = (): void => {
    this.configurationChanges += 1
  }

  /** Connects at once instead of waiting for the next attempt. */
  readonly retryNow = (): void => this.#again()

  #connect(): void {
    this.#source?.close()
    const source = new EventSource(`${BASE}/events`)
    this.#source = source
    const receive = (message: MessageEvent<string>) => {
      if (source === this.#source) this.#receive(message)
    }
    source.addEventListener('message', receive)
    for (const name of EVENT_NAMES) source.addEventListener(name, receive)
    source.onerror = () => {
      if (source === this.#source) this.#fail()
    }
  }

  #receive(message: MessageEvent<string>): void {
    const data = JSON.parse(message.data) as Record<string, unknown>
    const event = { type: message.type, ...data } as LiveEvent
    this.live = apply(this.live, event)
    if (event.type === 'snapshot') {
      if (this.state === 'lost') this.configurationChanges += 1
      this.state = 'open'
      this.#attempts = 0
    }
    if (event.type === 'configuration_changed') this.configurationChanges += 1
    if (event.type === 'voicemail_new' || event.type === 'voicemail_changed') this.voicemailChanges += 1
    if (event.type === 'call_ended') this.callsEnded += 1
  }

  readonly #again = (): void => {
    clearTimeout(this.#retry)
    this.#connect()
  }

  readonly #fail = (): void => {
    this.#source?.close()
    this.#source = null
    this.state = 'lost'
    const wait = RETRY_MS[Math.min(this.#attempts, RETRY_MS.length - 1)]
    this.#attempts += 1
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => {
      // Without the session no stream opens and EventSource does not say why; the check leads to the login.
      this.#check().then(this.#again, this.#fail)
    }, wait)
  }

  async #look(): Promise<void> {
    if (this.state !== 'open') return
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error('silent')), PROBE_TIMEOUT_MS))
    await Promise.race([this.#check(), late]).catch(this.#fail)
  }
}

export const connection = new LiveConnection()
