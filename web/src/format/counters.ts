/** The numbers of a nested object, each under its dotted path; the gateway's counters grow with its versions. */
export function flatten(value: Record<string, unknown>, path = ''): [string, number][] {
  return Object.entries(value).flatMap(([key, inner]): [string, number][] => {
    const name = path ? `${path}.${key}` : key
    if (typeof inner === 'number') return [[name, inner]]
    if (Array.isArray(inner)) return inner.flatMap((one: unknown) => named(one, name))
    return typeof inner === 'object' && inner !== null ? flatten(inner as Record<string, unknown>, name) : []
  })
}

/** `{ name, count }` of a list of counts. */
function named(value: unknown, path: string): [string, number][] {
  if (typeof value !== 'object' || value === null) return []
  const { name, count } = value as Record<string, unknown>
  return typeof name === 'string' && typeof count === 'number' ? [[`${path}.${name}`, count]] : []
}
