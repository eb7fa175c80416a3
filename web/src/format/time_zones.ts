// The time zones to choose from: those of the country first, then all others.

interface LocaleWithZones {
  timeZones?: string[]
  getTimeZones?: () => string[] | undefined
}

/** `selected` is always among them, even where the browser's list is older than the gateway's. */
export function timeZones(country: string, selected: string): { near: string[]; other: string[] } {
  const near = [...ofCountry(country)].sort()
  const all = new Set(Intl.supportedValuesOf('timeZone'))
  if (selected && !near.includes(selected)) all.add(selected)
  return { near, other: [...all].filter((zone) => !near.includes(zone)).sort() }
}

function ofCountry(country: string): string[] {
  if (!/^[A-Z]{2}$/.test(country)) return []
  const locale = new Intl.Locale('und', { region: country }) as Intl.Locale & LocaleWithZones
  return locale.getTimeZones?.() ?? locale.timeZones ?? []
}
