import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vitest/config'
import { firstPageBudget } from './build/budget'
import { precompress } from './build/precompress'

// The gateway to develop against, e.g. RAMAL=https://127.0.0.1:8443 npm run dev
const gateway = process.env['RAMAL'] ?? 'https://127.0.0.1:8443'

export default defineConfig({
  plugins: [svelte(), precompress(), firstPageBudget({ budget: 200_000, routes: 'src/i18n/' })],
  build: {
    target: ['chrome109', 'firefox115', 'safari16'],
    // The content security policy allows no data: addresses, so nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // Which packages are in the bundle, with their licences: the image's bill of materials is made of it.
    license: { fileName: 'licenses.json' },
  },
  server: { proxy: { '/api': { target: gateway, secure: false } } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
})
