/// <reference types="vite/client" />
/**
 * Where the bundler puts tfjs's WebAssembly, for `openDevice`: a file of our own origin, fetched when somebody asked for
 * it. Only whoever is bundled by Vite can import this.
 */
export { default as wasmUrl } from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
