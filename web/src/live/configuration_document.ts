// What a person should know about a configuration file before it replaces everything. The gateway checks it whole.

export interface ConfigurationDocument {
  content: unknown
  company: string
  extensions: number
  users: number
}

/** Null when the text is not a JSON document of this product. */
export function readDocument(text: string): ConfigurationDocument | null {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch {
    return null
  }
  if (!isObject(content) || content['format'] !== 'ramal-configuration') return null
  const { company, extensions, users } = content
  return {
    content,
    company: isObject(company) && typeof company['legal_name'] === 'string' ? company['legal_name'] : '',
    extensions: Array.isArray(extensions) ? extensions.length : 0,
    users: Array.isArray(users) ? users.length : 0,
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
