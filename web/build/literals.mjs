// Fails when a component shows literal text. Everything a person reads comes from src/i18n, so that no language has
// holes; a word in a component would stay in one language for everybody.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'svelte/compiler'

const READ_ATTRIBUTES = new Set([
  'alt', 'title', 'placeholder', 'label', 'hint', 'text', 'message', 'heading', 'description', 'summary',
  'aria-label', 'aria-description', 'aria-roledescription', 'aria-placeholder', 'aria-valuetext',
])
const LETTER = /\p{L}/u

/** @param {string} directory @returns {string[]} */
function components(directory) {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return components(path)
    return entry.name.endsWith('.svelte') ? [path] : []
  })
}

/**
 * String constants that an expression can evaluate to; arguments of calls, keys and comparisons are not shown.
 * @param {any} node @returns {any[]}
 */
function shown(node) {
  switch (node?.type) {
    case 'Literal':
      return typeof node.value === 'string' && LETTER.test(node.value) ? [node] : []
    case 'TemplateLiteral':
      return [...node.quasis.filter((/** @type {any} */ q) => LETTER.test(q.value.raw)), ...node.expressions.flatMap(shown)]
    case 'ConditionalExpression':
      return [...shown(node.consequent), ...shown(node.alternate)]
    case 'LogicalExpression':
      return [...shown(node.left), ...shown(node.right)]
    case 'BinaryExpression':
      return node.operator === '+' ? [...shown(node.left), ...shown(node.right)] : []
    default:
      return []
  }
}

/** @param {any} node @param {(node: any) => void} found */
function visit(node, found) {
  if (!node || typeof node !== 'object') return
  if (Array.isArray(node)) return node.forEach((child) => visit(child, found))
  if (node.type === 'Text') {
    if (LETTER.test(node.data)) found(node)
    return
  }
  if (node.type === 'ExpressionTag') return shown(node.expression).forEach(found)
  if (node.type === 'Attribute') {
    if (!READ_ATTRIBUTES.has(node.name) || node.value === true) return
    for (const part of [node.value].flat()) visit(part, found)
    return
  }
  if (node.type?.endsWith('Directive') || node.type === 'SpreadAttribute') return
  for (const [key, value] of Object.entries(node)) {
    if (key !== 'expression' && key !== 'parent' && typeof value === 'object') visit(value, found)
  }
}

let faults = 0
for (const file of components('src')) {
  const source = readFileSync(file, 'utf8')
  visit(parse(source, { modern: true, filename: file }).fragment, (node) => {
    const line = source.slice(0, node.start).split('\n').length
    console.error(`${file}:${line}: literal text ${JSON.stringify(source.slice(node.start, node.end).trim())}`)
    faults += 1
  })
}
if (faults) {
  console.error(`${faults} literal text${faults === 1 ? '' : 's'} in components: move them to src/i18n`)
  process.exit(1)
}
console.log('no literal text in components')
