import { describe, expect, it } from 'vitest'
import { menuFor } from './navigation'
import { AREAS, Rights, scopesOf, VERBS_OF } from './rights'

const paths = (right: Parameters<typeof menuFor>[0], menus: Parameters<typeof menuFor>[1] = null) =>
  menuFor(right, menus).flatMap((group) => group.entries.map((entry) => entry.path))

describe('rights', () => {
  it('allow what the session says, and nothing else', () => {
    const rights = new Rights([{ area: 'calls', verb: 'view', scope: 'own' }])
    expect(rights.allow('calls:view')).toBe(true)
    expect(rights.allow('calls:export')).toBe(false)
    expect(rights.allow('recordings:view')).toBe(false)
  })

  it('have scopes of people only where things belong to people', () => {
    expect(scopesOf('calls')).toContain('own')
    expect(scopesOf('trunks')).toEqual(['company', 'all'])
    for (const area of AREAS) expect(VERBS_OF[area].length, area).toBeGreaterThan(0)
  })

  it('decide which entries the menu has', () => {
    expect(paths(() => false)).toEqual([])
    const seen = paths((right) => right === 'trunks:view')
    expect(seen).toEqual(['/trunks'])
  })

  it('show an entry whose first page is not allowed by the one that is', () => {
    expect(paths((right) => right === 'configuration:export')).toEqual(['/settings/configuration'])
  })

  it('let a profile leave out menus', () => {
    const all = paths(() => true)
    expect(all).toContain('/trunks')
    expect(all).toContain('/calls')
    expect(paths(() => true, ['calls'])).toEqual(['/calls'])
  })
})
