// The gateway's own state (load, disk, lines), asked for now and then while somebody looks.
import * as gateway from '../api/gateway'
import type { System } from '../api/types'

const EVERY_MS = 10_000

class SystemState {
  value = $state.raw<System | null>(null)
  #timer: ReturnType<typeof setInterval> | undefined

  start(): () => void {
    void this.#read()
    this.#timer = setInterval(() => {
      if (document.visibilityState === 'visible') void this.#read()
    }, EVERY_MS)
    return () => clearInterval(this.#timer)
  }

  async #read(): Promise<void> {
    // A failure shows as the lost connection; roles that may not read this see the screens without it.
    this.value = await gateway.system().catch(() => this.value)
  }
}

export const system = new SystemState()
