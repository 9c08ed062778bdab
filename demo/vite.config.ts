import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

const FIXTURES = new URL("../tests/fixtures/models/stories260K/", import.meta.url);

/** Puts the bundled model and its licence beside the page. */
function bundledModel(): Plugin {
  return {
    name: "bundled-model",
    generateBundle() {
      for (const [fileName, from] of [
        ["models/stories260K-f32.gguf", "stories260K-f32.gguf"],
        ["models/stories260K-LICENSE.txt", "LICENSE"],
      ] as const) {
        this.emitFile({ type: "asset", fileName, source: readFileSync(new URL(from, FIXTURES)) });
      }
    },
  };
}

export default defineConfig({
  // Relative addresses: the site may be served from any folder.
  base: "./",
  plugins: [bundledModel()],
  worker: { format: "es" },
  build: {
    target: "es2022",
    // The page's policy allows no data: scripts, and files cache better.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
