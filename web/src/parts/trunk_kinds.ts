// Names of the kinds of trunks; the same in every language.
import type { TrunkKind } from '../api/types'

export const KIND_NAMES: Record<TrunkKind, string> = { sip: 'SIP', e1_pri: 'E1 ISDN PRI', e1_r2: 'E1 MFC-R2' }
