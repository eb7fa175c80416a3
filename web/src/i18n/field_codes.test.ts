import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { en } from './en'

// The codes stand in the gateway's own source; one that no catalogue knows would be shown in English to everybody.
const source = fileURLToPath(new URL('../../../firmware/model/src/problem.rs', import.meta.url))

it.runIf(existsSync(source))('translates every code with which the gateway refuses a field', () => {
  const codes = [...readFileSync(source, 'utf8').matchAll(/pub const [A-Z_]+: &str = "(\w+)";/g)].map((match) => match[1])
  expect(codes.length).toBeGreaterThan(10)
  for (const code of codes) expect(en).toHaveProperty([`field.${code}`])
})
