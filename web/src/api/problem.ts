// What went wrong with a request, as the interface can show it.

/** One field the gateway refused. `code` is translated; `message` is the gateway's English sentence. */
export interface FieldProblem {
  field: string
  code: string
  limit: string | null
  message: string
}

/** No HTTP answer came at all: gateway off, cable out, or the browser is offline. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
}

/** An answer that is not success: RFC 9457 problem details, or what could be read of them. */
export class Problem extends Error {
  override readonly name = 'Problem'

  constructor(
    readonly status: number,
    readonly type: string,
    readonly title: string,
    readonly detail: string,
    readonly errors: readonly FieldProblem[],
    /** Seconds to wait before the next attempt (429, 503). */
    readonly retryAfter: number | null,
  ) {
    super(detail || title || `HTTP ${status}`)
  }

  static async from(response: Response): Promise<Problem> {
    const isJson = /^application\/(problem\+)?json\b/.test(response.headers.get('content-type') ?? '')
    const body: unknown = isJson ? await response.json().catch(() => null) : null
    const fields = isObject(body) ? body : {}
    const errors = Array.isArray(fields['errors']) ? fields['errors'].map(fieldProblem).filter((e) => e !== null) : []
    const retry = Number(response.headers.get('retry-after') ?? NaN)
    return new Problem(
      response.status,
      text(fields['type']) || 'about:blank',
      text(fields['title']) || response.statusText,
      text(fields['detail']),
      errors,
      Number.isFinite(retry) && retry >= 0 ? retry : null,
    )
  }
}

function fieldProblem(value: unknown): FieldProblem | null {
  if (!isObject(value) || typeof value['field'] !== 'string') return null
  return {
    field: value['field'],
    code: text(value['code']),
    limit: value['limit'] === undefined || value['limit'] === null ? null : String(value['limit']),
    message: text(value['message']),
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
