import { address, type Call } from './client'

const SECRET_FIELDS = new Set(['password', 'secret'])

/**
 * The same request as a shell command. The token and the gateway's certificate come from the environment; what was
 * typed as a password does not go to the clipboard.
 */
export function asCurl(origin: string, { method, path, query, body }: Call, anonymous = false): string {
  const parts = ['curl --fail-with-body']
  if (method !== 'GET') parts.push(`--request ${method}`)
  parts.push('--cacert "$RAMAL_CA"')
  if (!anonymous) parts.push('--header "Authorization: Bearer $RAMAL_TOKEN"')
  if (body !== undefined) {
    parts.push(`--header 'Content-Type: application/json'`, `--data ${quoted(JSON.stringify(body, withoutSecrets))}`)
  }
  parts.push(quoted(origin + address(path, query)))
  return parts.join(' \\\n  ')
}

function withoutSecrets(key: string, value: unknown): unknown {
  return SECRET_FIELDS.has(key) && typeof value === 'string' ? '********' : value
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
