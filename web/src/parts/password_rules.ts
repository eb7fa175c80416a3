// The rules a person can check while typing. The gateway checks them again, and its list of common passwords.

export const MIN_LENGTH = 10

export type RuleState = 'open' | 'kept' | 'broken'
export interface Rule {
  name: 'length' | 'not_login' | 'not_common'
  state: RuleState
}

export function passwordRules(password: string, login: string, person: string): Rule[] {
  const length = [...password].length
  const long = length >= MIN_LENGTH
  const personal = isLike(password, login) || isLike(password, person)
  const plain = isSequence(password)
  const when = (kept: boolean): RuleState => (kept ? 'kept' : 'broken')
  return [
    { name: 'length', state: long ? 'kept' : 'open' },
    { name: 'not_login', state: length === 0 ? 'open' : personal ? 'broken' : when(true) },
    { name: 'not_common', state: plain ? 'broken' : 'open' },
  ]
}

/** Digits and signs hung on a name do not make it a password. */
function isLike(password: string, name: string): boolean {
  const bare = (text: string) => text.toLowerCase().replace(/[^\p{L}]/gu, '')
  return bare(name).length >= 4 && bare(password) === bare(name)
}

/** One sign over and over, or signs counting up or down. */
function isSequence(password: string): boolean {
  const steps = new Set([...password].slice(1).map((sign, at) => (sign.codePointAt(0) ?? 0) - (password.codePointAt(at) ?? 0)))
  return password.length >= 4 && steps.size === 1 && [-1, 0, 1].some((step) => steps.has(step))
}
