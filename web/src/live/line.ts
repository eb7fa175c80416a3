// A line's state in one word, and how it is drawn.
import type { Line } from '../api/types'
import { word } from '../i18n/word'
import type { IconName } from '../parts/icons'

export interface Look {
  kind: 'ok' | 'warn' | 'bad' | 'idle'
  icon: IconName
}

/** A fault goes before a call, a call before ringing. */
export function lineState({ fault, off_hook, ringing }: Line): string {
  return fault ?? (off_hook ? 'in_call' : ringing ? 'ringing' : 'idle')
}

export function lineLook(line: Line): Look {
  if (line.fault) return { kind: 'bad', icon: 'alert' }
  if (line.off_hook) return { kind: 'ok', icon: 'phone' }
  return line.ringing ? { kind: 'warn', icon: 'ring' } : { kind: 'ok', icon: 'check' }
}

/** The state in the reader's language; the code itself for a fault this version does not know. */
export const lineText = (line: Line): string => word('line', lineState(line))
