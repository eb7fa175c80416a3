// Light, dark, or as the device says; the choice stays on this device.

export const THEMES = ['system', 'light', 'dark'] as const
export type ThemeChoice = (typeof THEMES)[number]

const STORED = 'ramal.theme'
const deviceIsDark = matchMedia('(prefers-color-scheme: dark)')

class Theme {
  choice = $state<ThemeChoice>('system')

  start(): void {
    const stored = localStorage.getItem(STORED)
    this.#use(THEMES.find((one) => one === stored) ?? 'system')
    deviceIsDark.addEventListener('change', () => this.#use(this.choice))
  }

  choose(choice: ThemeChoice): void {
    localStorage.setItem(STORED, choice)
    this.#use(choice)
  }

  #use(choice: ThemeChoice): void {
    this.choice = choice
    const dark = choice === 'dark' || (choice === 'system' && deviceIsDark.matches)
    document.documentElement.dataset['theme'] = dark ? 'dark' : 'light'
  }
}

export const theme = new Theme()
