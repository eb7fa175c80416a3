import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import type { Plugin } from 'vite'

const TEXT = new Set(['.html', '.js', '.css', '.svg', '.json', '.txt'])

/**
 * Writes a `.br` and a `.gz` beside every text file of the build, so that the gateway sends compressed bytes without
 * ever compressing. A variant that would not be smaller is left out.
 */
export function precompress(): Plugin {
  let outDir = ''
  return {
    name: 'ramal-precompress',
    apply: 'build',
    configResolved(config) {
      outDir = join(config.root, config.build.outDir)
    },
    closeBundle() {
      for (const file of walk(outDir)) {
        if (!TEXT.has(extname(file))) continue
        const bytes = readFileSync(file)
        const variants = {
          '.br': brotliCompressSync(bytes, {
            params: {
              [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
              [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
            },
          }),
          '.gz': gzipSync(bytes, { level: 9 }),
        }
        for (const [suffix, compressed] of Object.entries(variants)) {
          if (compressed.length < bytes.length) writeFileSync(file + suffix, compressed)
        }
      }
    },
  }
}

function* walk(directory: string): Generator<string> {
  for (const name of readdirSync(directory).sort()) {
    const path = join(directory, name)
    if (statSync(path).isDirectory()) yield* walk(path)
    else yield path
  }
}
