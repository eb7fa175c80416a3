// Who may do what. The gateway decides and refuses; this only keeps from people what they would be refused anyway.
import type { Role } from './api/types'

const RIGHTS = {
  view_live: ['admin', 'installer', 'supervisor', 'auditor'],
  view_calls: ['admin', 'installer', 'supervisor', 'auditor'],
  view_system: ['admin', 'installer', 'supervisor', 'auditor'],
  listen: ['admin', 'supervisor', 'auditor'],
  delete_recordings: ['admin'],
  edit_recording_settings: ['admin'],
  hang_up: ['admin', 'installer', 'supervisor'],
  edit_extensions: ['admin', 'installer'],
  view_trunks: ['admin', 'installer', 'supervisor', 'auditor'],
  edit_trunks: ['admin', 'installer'],
  view_sounds: ['admin', 'installer', 'supervisor', 'auditor'],
  edit_sounds: ['admin', 'installer', 'supervisor'],
  edit_company: ['admin', 'installer'],
  edit_users: ['admin'],
  edit_tokens: ['admin'],
  move_configuration: ['admin'],
} as const satisfies Record<string, readonly Role[]>

export type Right = keyof typeof RIGHTS

export function allows(role: Role | undefined, right: Right): boolean {
  const roles: readonly Role[] = RIGHTS[right]
  return role !== undefined && roles.includes(role)
}
