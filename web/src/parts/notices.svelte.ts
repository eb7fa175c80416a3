// Short confirmations at the edge of the screen, read aloud by screen readers.

interface Notice {
  id: number
  text: string
}

const SHOWN_MS = 5000

class Notices {
  list = $state<Notice[]>([])
  #next = 0

  say(text: string): void {
    const id = this.#next++
    this.list.push({ id, text })
    setTimeout(() => (this.list = this.list.filter((notice) => notice.id !== id)), SHOWN_MS)
  }
}

export const notices = new Notices()
