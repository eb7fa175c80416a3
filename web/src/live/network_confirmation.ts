import * as gateway from '../api/gateway'
import { problemText } from '../i18n/problem_text'
import { t } from '../i18n/language.svelte'
import { notices } from '../parts/notices.svelte'

const MARK = '#confirm='

/** The address at which a change of the network is confirmed: whoever can open it has reached the gateway. */
export const confirmationAddress = (address: string, token: string): string => {
  const host = address.includes(':') ? `[${address}]` : address
  return `https://${host}${location.port ? `:${location.port}` : ''}/network${MARK}${token}`
}

/** Confirms a change when the page was opened to do that. Nobody is logged in at a new address. */
export async function confirmNetwork(): Promise<void> {
  if (!location.hash.startsWith(MARK)) return
  const token = location.hash.slice(MARK.length)
  history.replaceState(null, '', location.pathname)
  try {
    await gateway.send<void>(gateway.confirmNetwork(token))
    notices.say(t('network.confirmed'))
  } catch (failure) {
    notices.say(problemText(failure))
  }
}
