// The companies on the gateway that one may see. Forms and lists speak of them only where there is more than one.
import { client } from './api/client'
import type { Id } from './api/types'

/** The company that the gateway is set up for. */
export const DEFAULT_COMPANY = 0

export interface CompanyOnGateway {
  id: Id
  name: string
}

class Companies {
  all = $state.raw<readonly CompanyOnGateway[]>([])

  /** Whether there is anything to choose from. */
  get several(): boolean {
    return this.all.length > 1
  }

  async read(): Promise<void> {
    // Not everybody may see them; then there is nothing to choose.
    this.all = await client.get<CompanyOnGateway[]>('/companies').catch(() => [])
  }

  forget(): void {
    this.all = []
  }

  nameOf(id: Id | undefined): string {
    return this.all.find((one) => one.id === (id ?? DEFAULT_COMPANY))?.name ?? ''
  }
}

export const companies = new Companies()
