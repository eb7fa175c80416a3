// Who is logged in, and what happens when that ends.
import { client } from './api/client'
import * as gateway from './api/gateway'
import { Problem } from './api/problem'
import type { Company, Session, User } from './api/types'
import { companies } from './companies.svelte'
import { zone } from './format/local.svelte'
import { language } from './i18n/language.svelte'
import { drafting } from './drafting.svelte'
import { connection } from './live/connection.svelte'
import { Rights, type MenuPart, type Permission, type Right } from './rights'

class Account {
  user = $state<User | null>(null)
  company = $state<Company | null>(null)
  /** The menus that a profile shows; null shows all that are of use. */
  menus = $state.raw<readonly MenuPart[] | null>(null)
  /** The session ended under the open page; it waits for a new login, and what was typed stays. */
  expired = $state(false)

  #rights = $state.raw(new Rights([]))
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
      await this.entered(await gateway.session())
    } catch (error) {
      if (!(error instanceof Problem && error.status === 401)) throw error
    }
  }

  async entered({ user, permissions, menus }: Session): Promise<void> {
    const before = this.user
    this.expired = false
    this.user = user
    this.#allow(permissions, menus)
    await language.suggest(user.language)
    await this.readCompany()
    if (this.may('live:view')) connection.start(() => this.refresh())
    else connection.stop()
    const waiting = this.#waiting.splice(0)
    for (const resolve of waiting) resolve(before?.id === user.id)
  }

  /** Asks whether the session goes on, and what it allows by now. */
  async refresh(): Promise<void> {
    const { user, permissions, menus } = await gateway.session()
    if (user.id !== this.user?.id) return
    this.#allow(permissions, menus)
    await companies.read()
  }

  async readCompany(): Promise<void> {
    // Not everybody may read the company; times then show in the browser's zone.
    this.company = await gateway.company().catch(() => null)
    if (this.company) zone.name = this.company.time_zone
    await companies.read()
  }

  async leave(): Promise<void> {
    await gateway.logOut().catch(() => undefined)
    connection.stop()
    drafting.leave()
    this.user = null
    this.company = null
    companies.forget()
    this.expired = false
    for (const resolve of this.#waiting.splice(0)) resolve(false)
  }

  #allow(permissions: readonly Permission[], menus: readonly MenuPart[] | null | undefined): void {
    this.#rights = new Rights(permissions)
    this.menus = menus ?? null
  }

  may(right: Right): boolean {
    return this.user !== null && this.#rights.allow(right)
  }
}

export const account = new Account()
