// Who is logged in, and what happens when that ends.
import { client } from './api/client'
import * as gateway from './api/gateway'
import { Problem } from './api/problem'
import type { Company, User } from './api/types'
import { zone } from './format/local.svelte'
import { language } from './i18n/language.svelte'
import { connection } from './live/connection.svelte'
import { allows, type Right } from './rights'

class Account {
  user = $state<User | null>(null)
  company = $state<Company | null>(null)
  /** The session ended under the open page; it waits for a new login, and what was typed stays. */
  expired = $state(false)

  #waiting: ((again: boolean) => void)[] = []

  constructor() {
    client.onUnauthorised = () => {
      if (!this.user) return Promise.resolve(false)
      this.expired = true
      return new Promise((resolve) => this.#waiting.push(resolve))
    }
  }

  /** Takes up a session left from before, if the browser still has one. */
  async resume(): Promise<void> {
    try {
      await this.entered((await gateway.session()).user)
    } catch (error) {
      if (!(error instanceof Problem && error.status === 401)) throw error
    }
  }

  async entered(user: User): Promise<void> {
    const before = this.user
    this.expired = false
    this.user = user
    await language.suggest(user.language)
    await this.readCompany()
    if (this.may('view_live')) connection.start(gateway.session)
    else connection.stop()
    const waiting = this.#waiting.splice(0)
    for (const resolve of waiting) resolve(before?.id === user.id)
  }

  async readCompany(): Promise<void> {
    // Not every role may read the company; times then show in the browser's zone.
    this.company = await gateway.company().catch(() => null)
    if (this.company) zone.name = this.company.time_zone
  }

  async leave(): Promise<void> {
    await gateway.logOut().catch(() => undefined)
    connection.stop()
    this.user = null
    this.company = null
    this.expired = false
    for (const resolve of this.#waiting.splice(0)) resolve(false)
  }

  may(right: Right): boolean {
    return allows(this.user?.role, right)
  }
}

export const account = new Account()
