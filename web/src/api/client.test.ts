import { describe, expect, it, vi } from 'vitest'
import { address, Client, isPartOfDrafts } from './client'
import { asCurl } from './curl'
import { Problem, Unreachable } from './problem'

const answer = (status: number, body: unknown = undefined, headers: Record<string, string> = {}) =>
  new Response(body === undefined ? null : JSON.stringify(body), {
    status,
    headers: { 'content-type': status >= 400 ? 'application/problem+json' : 'application/json', ...headers },
  })

function scripted(...answers: (Response | Error)[]) {
  const fetch = vi.fn(async (_input: string, _init: RequestInit) => {
    const next = answers.shift()
    if (next instanceof Error || !next) throw next ?? new Error('no answer left')
    return next
  })
  return { fetch, client: new Client(fetch) }
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe('requests', () => {
  it('leave out parameters without a value and escape the rest', () => {
    expect(address('/calls', { limit: 50, before: null, number: '', result: undefined })).toBe('/api/v1/calls?limit=50')
    expect(address('/calls', { number: '*43 &x' })).toBe('/api/v1/calls?number=*43+%26x')
    expect(address('/status')).toBe('/api/v1/status')
  })

  it('carry the CSRF header only when they change something', async () => {
    const { client, fetch } = scripted(answer(200, []), answer(201, { id: 1 }))
    await client.get('/extensions')
    await client.send({ method: 'POST', path: '/extensions', body: { number: '2001' } })
    const [read, write] = fetch.mock.calls.map(([, init]) => init)
    expect(read?.headers).not.toHaveProperty('X-Ramal-CSRF')
    expect(read?.body).toBeUndefined()
    expect(write?.headers).toMatchObject({ 'X-Ramal-CSRF': '1', 'Content-Type': 'application/json' })
    expect(write?.body).toBe('{"number":"2001"}')
  })

  it('name the draft where it is about settings that drafts are made of', async () => {
    const { client, fetch } = scripted(answer(200, []), answer(200, []), answer(200, []))
    client.draft = 3
    await client.get('/queues')
    await client.get('/users')
    client.draft = null
    await client.get('/queues')
    const names = fetch.mock.calls.map(([, init]) => (init.headers as Record<string, string>)['X-Ramal-Draft'])
    expect(names).toEqual(['3', undefined, undefined])
    for (const path of ['/company', '/extensions/4', '/e1-trunks', '/conferences/7', '/simulate']) expect(isPartOfDrafts(path), path).toBe(true)
    for (const path of ['/queues/4/live', '/conferences/active', '/trunks/legacy-text', '/audio-files', '/configuration/drafts'])
      expect(isPartOfDrafts(path), path).toBe(false)
  })

  it('accept answers without a body', async () => {
    const { client } = scripted(answer(204), answer(200))
    expect(await client.send({ method: 'DELETE', path: '/session' })).toBeUndefined()
    expect(await client.send({ method: 'DELETE', path: '/session' })).toBeUndefined()
  })
})

describe('errors', () => {
  it('hold the refused fields', async () => {
    const errors = [
      { field: 'number', code: 'too_short', limit: '2-7', message: 'needs at least 2 characters' },
      { field: 'ring_time', code: 'required', message: 'must not be blank' },
      { field: 7 },
    ]
    const { client } = scripted(answer(422, { type: 'urn:ramal:problem:invalid', title: 't', detail: 'd', errors }))
    const error = await failure(client.send({ method: 'POST', path: '/extensions', body: {} }))
    expect(error).toBeInstanceOf(Problem)
    expect(error).toMatchObject({ status: 422, type: 'urn:ramal:problem:invalid', title: 't', detail: 'd' })
    expect((error as Problem).errors).toEqual([errors[0], { ...errors[1], limit: null }])
  })

  it('say how long to wait', async () => {
    const { client } = scripted(answer(429, {}, { 'retry-after': '8' }), answer(429, {}, { 'retry-after': 'soon' }))
    expect(await failure(client.get('/status'))).toMatchObject({ status: 429, retryAfter: 8 })
    expect(await failure(client.get('/status'))).toMatchObject({ status: 429, retryAfter: null })
  })

  it('survive answers that are no problem document', async () => {
    const html = new Response('<h1>Bad Gateway</h1>', { status: 502, statusText: 'Bad Gateway', headers: { 'content-type': 'text/html' } })
    const broken = new Response('{', { status: 500, headers: { 'content-type': 'application/problem+json' } })
    const { client } = scripted(html, broken)
    expect(await failure(client.get('/status'))).toMatchObject({ status: 502, title: 'Bad Gateway', errors: [] })
    expect(await failure(client.get('/status'))).toMatchObject({ status: 500, errors: [] })
  })

  it('tell a gateway that does not answer from one that refuses', async () => {
    const { client } = scripted(new TypeError('Failed to fetch'))
    expect(await failure(client.get('/status'))).toBeInstanceOf(Unreachable)
  })
})

describe('an ended session', () => {
  it('is taken up again, and the request is sent once more', async () => {
    const { client, fetch } = scripted(answer(401, {}), answer(200, { number: '2001' }))
    client.onUnauthorised = async () => true
    expect(await client.get('/extensions/1')).toEqual({ number: '2001' })
    expect(fetch).toHaveBeenCalledTimes(2)
  })

  it('is an error when nobody logs in again', async () => {
    const { client } = scripted(answer(401, {}), answer(401, {}), answer(401, {}), answer(401, {}))
    expect(await failure(client.get('/session'))).toMatchObject({ status: 401 })
    client.onUnauthorised = async () => false
    expect(await failure(client.get('/session'))).toMatchObject({ status: 401 })
    client.onUnauthorised = async () => true
    expect(await failure(client.get('/session'))).toMatchObject({ status: 401 })
  })
})

describe('asCurl', () => {
  it('writes the request so that a shell reads it back', () => {
    const call = { method: 'POST', path: '/users', body: { name: "Ana d'Ávila", password: 'quatro gatos' } } as const
    expect(asCurl('https://ramal.local', call)).toBe(
      [
        'curl --fail-with-body',
        '--request POST',
        '--cacert "$RAMAL_CA"',
        '--header "Authorization: Bearer $RAMAL_TOKEN"',
        "--header 'Content-Type: application/json'",
        `--data '{"name":"Ana d'\\''Ávila","password":"********"}'`,
        "'https://ramal.local/api/v1/users'",
      ].join(' \\\n  '),
    )
  })

  it('needs no token where the API asks for none', () => {
    expect(asCurl('https://ramal.local', { method: 'GET', path: '/status' }, true)).not.toContain('TOKEN')
  })
})
