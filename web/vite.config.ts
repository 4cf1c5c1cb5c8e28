import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

/** In development the API is a node on its usual port, or `node dev/fake-node.mjs`. */
const api = process.env.HEIMDALL_URL ?? 'http://127.0.0.1:7373';

export default defineConfig({
  plugins: [react()],
  server: { proxy: { '/api': api, '/openapi.json': api } },
  build: {
    outDir: '../src/heimdall/api/static',
    emptyOutDir: true,
    target: 'es2022',
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // What the first page shares with lazy ones stays with it, or it would be a file for each set of pages that share it.
    rolldownOptions: {
      output: {
        codeSplitting: { groups: [{ name: 'index', test: /src[\\/](main|api)|node_modules[\\/]react[\\/]/ }] },
      },
    },
  },
  test: {
    environment: 'happy-dom',
    pool: 'threads',
    isolate: false,
    testTimeout: 30_000,
    include: ['src/**/*.test.{ts,tsx}'],
  },
});
