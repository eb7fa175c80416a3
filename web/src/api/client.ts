import { Problem, Unreachable } from './problem'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Every path below belongs to this version of the API. */
export const BASE = '/api/v1'

export type Query = Record<string, string | number | null | undefined>

export interface Call {
  method: Method
  path: string
  query?: Query
  body?: unknown
}

type Fetch = (input: string, init: RequestInit) => Promise<Response>

/**
 * Sends requests and turns answers into values or errors.
 *
 * A 401 while somebody is logged in means the session ended. The request then waits until `onUnauthorised` resolves
 * (the person has logged in again) and is sent once more, so nothing typed is lost.
 */
export class Client {
  /** Resolves to true when the request should be sent again. Unset: a 401 is an error like any other. */
  onUnauthorised: (() => Promise<boolean>) | null = null

  /** Names the draft that requests about what drafts are made of work on. */
  draft: number | null = null

  constructor(private readonly fetch: Fetch = (input, init) => globalThis.fetch(input, init)) {}

  get<T>(path: string, query?: Query): Promise<T> {
    return this.send<T>({ method: 'GET', path, ...(query && { query }) })
  }

  async send<T>(call: Call): Promise<T> {
    let response = await this.once(call)
    if (response.status === 401 && this.onUnauthorised && (await this.onUnauthorised())) {
      response = await this.once(call)
    }
    if (!response.ok) throw await Problem.from(response)
    if (response.status === 204) return undefined as T
    const text = await response.text()
    return (text ? JSON.parse(text) : undefined) as T
  }

  /** Sends a request whose answer is a file. */
  async file(call: Call): Promise<Blob> {
    const response = await this.once(call)
    if (!response.ok) throw await Problem.from(response)
    return response.blob()
  }

  private async once({ method, path, query, body }: Call): Promise<Response> {
    const headers: Record<string, string> = { Accept: 'application/json' }
    // The session cookie alone may not change anything: a header no foreign page can set stops forged requests.
    if (method !== 'GET') headers['X-Ramal-CSRF'] = '1'
    if (this.draft !== null && isPartOfDrafts(path)) headers['X-Ramal-Draft'] = String(this.draft)
    // A file goes as it is.
    if (body !== undefined) headers['Content-Type'] = body instanceof Blob ? body.type : 'application/json'
    const init: RequestInit = { method, headers, credentials: 'same-origin', cache: 'no-store', redirect: 'error' }
    if (body !== undefined) init.body = body instanceof Blob ? body : JSON.stringify(body)
    try {
      return await this.fetch(address(path, query), init)
    } catch (cause) {
      throw new Unreachable(`${method} ${path}`, { cause })
    }
  }
}

/** What is configured in drafts: what leads calls, trunks, extensions, the company. */
const PARTS =
  /^\/(company|feature-codes|extensions|trunks|e1-trunks|numbers|inbound-routes|outbound-routes|ivrs|queues|breaks|time-conditions|calendars|announcements|conferences|paging-groups|voicemail-boxes|voicemail-settings|recording-settings|simulate)(\/|$)/
/** Below these, what goes on now and what is no setting. */
const NOT_PARTS = /^\/(trunks\/legacy-text|calendars\/(read|[^/]+\/days)|queues\/[^/]+\/|conferences\/(active|[^/]+\/))/

export const isPartOfDrafts = (path: string): boolean => PARTS.test(path) && !NOT_PARTS.test(path)

/** The path with its query; parameters without a value are left out. */
export function address(path: string, query: Query = {}): string {
  const entries = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== '')
  const search = new URLSearchParams(entries.map(([key, value]) => [key, String(value)])).toString()
  return BASE + path + (search ? `?${search}` : '')
}

export const client = new Client()
