import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { language } from '../i18n/language.svelte'
import { en } from '../i18n/en'
import { traceText, traceTime } from './trace'

beforeAll(() => {
  language.messages = en
})

describe('a step of a call', () => {
  it.each([
    [{ step: 'dialled', by: '2001', number: '2002' }, '2001 dialled 2002'],
    [{ step: 'feature_code', code: '*43', feature: 'echo' }, '*43 is the echo test'],
    [{ step: 'refused', reason: 'not_registered' }, 'Goes no further: no phone is registered'],
    [{ step: 'ringing', contacts: 2, seconds: 20 }, 'Rings on 2 phones for up to 20 s'],
    [{ step: 'answered_by_gateway' }, 'The gateway took the call'],
    [{ step: 'queue_rings', numbers: ['2001', '2002'] }, 'Members ring: 2001, 2002'],
    [{ step: 'queue_taken', waited: 42 }, 'Taken out of the queue after 42 s'],
    [{ step: 'agent', did: 'logged_in' }, 'At this phone: the agent logs in'],
    [{ step: 'held', by: 'callee' }, 'Put on hold by the called party'],
    [{ step: 'transfer_asked', by: 'callee', number: '2003' }, 'the called party asked to transfer to 2003'],
    [{ step: 'replaced', end: 'callee', by: '2003', from: null }, '2003 took the place of the called party'],
    [{ step: 'e1_trunk', trunk: 'Telefonica', number: '40028922' }, 'Goes out over E1 trunk Telefonica as 40028922'],
    [{ step: 'e1_trunk_failed', trunk: 'Telefonica', cause: 34 }, 'E1 trunk Telefonica did not take it (Q.850 cause 34)'],
    [{ step: 'sip_trunk_passed_over', trunk: 'Vivo', because: 'down' }, 'Trunk Vivo was passed over: it does not work now'],
    [{ step: 'ended_here', why: 'shutdown' }, 'Ended by the gateway: the service stopped'],
  ])('%j reads as a sentence', (step, text) => expect(traceText(step)).toBe(text))

  it('of a newer gateway is shown as it came', () => {
    expect(traceText({ at_ms: 5, step: 'queue_entered', queue: 'sales', none: null, rank: { at: 3 } })).toBe(
      'queue entered: queue sales, rank {"at":3}',
    )
    expect(traceText({ step: 'refused', reason: 'full_moon' })).toBe('Goes no further: full moon')
  })

  it('has its time after the arrival of the call', () => {
    expect(traceTime({ at_ms: 12 })).toBe(12)
    expect(traceTime({})).toBe(0)
  })
})

// The steps stand in the gateway's own source; one without words would be shown as a code.
const source = fileURLToPath(new URL('../../../firmware/pbx/src/call/trace.rs', import.meta.url))

it.runIf(existsSync(source))('has words for everything the gateway records', () => {
  const text = readFileSync(source, 'utf8')
  const variants = (name: string) =>
    [...(new RegExp(`enum ${name} \\{([^]*?)\\n\\}`).exec(text)?.[1] ?? '').matchAll(/^ {4}([A-Z]\w*)/gm)].map(
      ([, variant = '']) => variant.replace(/(?<!^)[A-Z]/g, '_$&').toLowerCase(),
    )
  const groups = { Step: 'trace', Feature: 'feature', Refused: 'refused', End: 'end', EndedHere: 'ended', PassedOver: 'passed_over', Unsecured: 'unsecured', Fork: 'fork', NumberRefuses: 'number_refuses', Unreached: 'unreached' }
  for (const [name, group] of Object.entries(groups)) {
    expect(variants(name).length, name).toBeGreaterThan(1)
    for (const variant of variants(name)) expect(en).toHaveProperty([`${group}.${variant}`])
  }
})
