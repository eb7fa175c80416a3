// The draft one works in, if any: kept for this tab until it is left, made live or discarded.
import { client } from './api/client'
import * as gateway from './api/gateway'
import type { Draft } from './api/types'
import { connection } from './live/connection.svelte'

const STORED = 'ramal.draft'

class Drafting {
  draft = $state.raw<Pick<Draft, 'id' | 'name'> | null>(null)

  /** Takes up the draft that this tab worked in before it was loaded again, unless it is gone. */
  async resume(): Promise<void> {
    const id = Number(sessionStorage.getItem(STORED))
    if (!id || this.draft) return
    const found = (await gateway.drafts().catch(() => [])).find((one) => one.id === id)
    if (found) this.enter(found)
    else this.leave()
  }

  enter({ id, name }: Pick<Draft, 'id' | 'name'>): void {
    this.#set({ id, name })
    sessionStorage.setItem(STORED, String(id))
  }

  leave(): void {
    sessionStorage.removeItem(STORED)
    if (this.draft) this.#set(null)
  }

  #set(draft: Pick<Draft, 'id' | 'name'> | null): void {
    this.draft = draft
    client.draft = draft?.id ?? null
    connection.lookAgain()
  }
}

export const drafting = new Drafting()
