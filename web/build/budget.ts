import { gzipSync } from 'node:zlib'
import type { OutputBundle, OutputChunk } from 'rollup'
import type { Plugin } from 'vite'

interface Options {
  /** Most bytes, gzip-compressed, that a browser may have to load before the first page stands. */
  budget: number
  /** Source folder of the chunks of which exactly one is loaded at start; the largest is counted. */
  routes: string
}

/**
 * Fails the build when the first page grows beyond its budget: the page itself, the entry with everything it imports
 * statically, the style sheets and icon, and the largest language.
 */
export function firstPageBudget({ budget, routes }: Options): Plugin {
  return {
    name: 'ramal-first-page-budget',
    apply: 'build',
    writeBundle(_options, bundle) {
      const files = firstPage(bundle)
      const languages = Object.values(bundle).filter(
        (item): item is OutputChunk =>
          item.type === 'chunk' && item.isDynamicEntry && !!item.facadeModuleId?.includes(routes),
      )
      const largest = languages.map((chunk) => compressed(bundle, chunk.fileName)).sort((a, b) => b - a)[0] ?? 0
      const total = files.reduce((sum, name) => sum + compressed(bundle, name), largest)
      const text = `first page ${(total / 1000).toFixed(1)} kB of ${budget / 1000} kB, gzip-compressed`
      if (total > budget) this.error(`${text}: too large`)
      else this.info(text)
    },
  }
}

function firstPage(bundle: OutputBundle): string[] {
  const wanted = new Set<string>()
  const add = (name: string) => {
    const item = bundle[name]
    if (!item || wanted.has(name)) return
    wanted.add(name)
    if (item.type !== 'chunk') return
    item.imports.forEach(add)
    item.viteMetadata?.importedCss.forEach(add)
    item.viteMetadata?.importedAssets.forEach(add)
  }
  for (const item of Object.values(bundle)) {
    const first = item.type === 'chunk' ? item.isEntry : /\.(html|css|svg)$/.test(item.fileName)
    if (first) add(item.fileName)
  }
  return [...wanted]
}

function compressed(bundle: OutputBundle, name: string): number {
  const item = bundle[name]
  if (!item) return 0
  return gzipSync(item.type === 'chunk' ? item.code : item.source, { level: 9 }).length
}
