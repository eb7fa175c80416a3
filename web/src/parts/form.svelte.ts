// One submission of a form: busy or not, and the errors that came back, by field.
import { tick } from 'svelte'
import { Problem } from '../api/problem'
import type { FieldProblem } from '../api/problem'
import { fieldText, problemText } from '../i18n/problem_text'

export class Form {
  busy = $state(false)
  #failure = $state.raw<unknown>(null)
  readonly #fields: readonly string[] | ((field: string) => string | undefined)

  /**
   * `fields` are those with a place of their own on the form, or tells the place of a field; errors of others appear above it.
   */
  constructor(fields: readonly string[] | ((field: string) => string | undefined)) {
    this.#fields = fields
  }

  /** Runs `action`; false when it failed, with the errors shown and the first faulty field focused. */
  async submit(event: SubmitEvent | null, action: () => Promise<void>): Promise<boolean> {
    event?.preventDefault()
    if (this.busy) return false
    const element = event?.currentTarget
    this.busy = true
    this.#failure = null
    try {
      await action()
      return true
    } catch (failure) {
      this.#failure = failure
      await tick()
      if (element instanceof HTMLElement) element.querySelector<HTMLElement>('[aria-invalid=true]')?.focus()
      return false
    } finally {
      this.busy = false
    }
  }

  clear(): void {
    this.#failure = null
  }

  /** The translated error of one field. */
  error(field: string): string | undefined {
    const found = this.#problems().find((problem) => this.#placeOf(problem) === field)
    return found && fieldText(found)
  }

  /** Whether something at this place or below it was refused. */
  isRefused(place: string): boolean {
    return this.#problems().some((problem) => {
      const at = this.#placeOf(problem)
      return at !== undefined && (at === place || at.startsWith(`${place}.`) || at.startsWith(`${place}[`))
    })
  }

  /** What belongs to no field of the form: one sentence, or null. */
  get banner(): string | null {
    if (!this.#failure) return null
    const homeless = this.#problems().filter((problem) => this.#placeOf(problem) === undefined)
    if (homeless.length > 0) return homeless.map((problem) => `${problem.field}: ${fieldText(problem)}`).join(' ')
    return this.#problems().length > 0 ? null : problemText(this.#failure)
  }

  #problems(): readonly FieldProblem[] {
    return this.#failure instanceof Problem ? this.#failure.errors : []
  }

  /** `admin.password` belongs to a field of that name or, failing that, to `password`; `hosts[3]` to `hosts`. */
  #placeOf({ field }: FieldProblem): string | undefined {
    if (typeof this.#fields === 'function') return this.#fields(field)
    const whole = field.replace(/\[\d+\]$/, '')
    const last = whole.split(/[./]/).at(-1)
    return this.#fields.find((name) => name === whole) ?? this.#fields.find((name) => name === last)
  }
}

/** What of `wanted` differs from what is stored: all that a change needs to send. */
export function changes<T extends object>(wanted: T, stored: object): Partial<T> {
  const old = stored as Record<string, unknown>
  const differs = ([key, value]: [string, unknown]) => JSON.stringify(value) !== JSON.stringify(old[key])
  return Object.fromEntries(Object.entries(wanted).filter(differs)) as Partial<T>
}
