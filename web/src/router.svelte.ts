// Where the reader is: the address bar's path, and moving without loading the page anew.

class Router {
  path = $state(location.pathname)

  constructor() {
    addEventListener('popstate', () => (this.path = location.pathname))
  }

  go(path: string, options: { replace?: boolean } = {}): void {
    if (path === this.path) return
    if (options.replace) history.replaceState(null, '', path)
    else history.pushState(null, '', path)
    this.path = path
  }

  /** For `onclick` of the whole page: links within the interface are followed here. */
  readonly follow = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = (event.target as Element | null)?.closest?.('a')
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return
    if (link.pathname.startsWith('/api/') || link.getAttribute('href')?.startsWith('#')) return
    event.preventDefault()
    this.go(link.pathname)
    if (!link.closest('dialog')) scrollTo(0, 0)
  }
}

export const router = new Router()

/** What follows `prefix` in the path, or null when the path is elsewhere. */
export function below(path: string, prefix: string): string | null {
  if (path === prefix) return ''
  return path.startsWith(prefix + '/') ? decodeURIComponent(path.slice(prefix.length + 1)) : null
}
