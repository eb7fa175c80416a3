// Something read from the gateway: there, on its way, or failed. A new reading keeps the old value on the screen.

export class Resource<T> {
  value = $state.raw<T | undefined>(undefined)
  failure = $state.raw<unknown>(null)
  #reading = 0

  /** Made while a component is set up; reads at once, and again whenever `changes` gives another value. */
  constructor(
    private readonly load: () => Promise<T>,
    changes: () => unknown = () => null,
  ) {
    let seen = changes()
    void this.read()
    $effect(() => {
      const now = changes()
      if (now === seen) return
      seen = now
      void this.read()
    })
  }

  async read(): Promise<void> {
    const turn = ++this.#reading
    try {
      const value = await this.load()
      if (turn !== this.#reading) return
      this.value = value
      this.failure = null
    } catch (failure) {
      if (turn === this.#reading) this.failure = failure
    }
  }
}
