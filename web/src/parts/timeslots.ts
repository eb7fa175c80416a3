// Timeslots as people write them: `1-3, 17`.

/** What was typed, as numbers. What is no number becomes 0, which the gateway refuses by name. */
export function timeslots(text: string): number[] {
  return text
    .split(/[\s,;]+/)
    .filter(Boolean)
    .flatMap((part) => {
      const [, first, last] = /^(\d{1,2})(?:-(\d{1,2}))?$/.exec(part) ?? []
      if (first === undefined) return [0]
      const [from, to] = [Number(first), Number(last ?? first)]
      return to < from ? [0] : Array.from({ length: to - from + 1 }, (_, index) => from + index)
    })
}

/** The shortest text that means these. */
export function spelled(numbers: readonly number[]): string {
  const runs: [number, number][] = []
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const run = runs.at(-1)
    if (run && number === run[1] + 1) run[1] = number
    else runs.push([number, number])
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ')
}
