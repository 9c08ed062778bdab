import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";
import { RELAXED_PROBE } from "../npm/src/simd.js";

const FIXTURES = "../tests/fixtures/models/stories260K/";

/** Puts the bundled model beside the page, and the licences of all that the site hands out. */
function bundledFiles(): Plugin {
  return {
    name: "bundled-files",
    generateBundle() {
      for (const [fileName, from] of [
        ["models/stories260K-f32.gguf", `${FIXTURES}stories260K-f32.gguf`],
        ["models/stories260K-LICENSE.txt", `${FIXTURES}LICENSE`],
        ["licenses/LICENSE-APACHE.txt", "../npm/LICENSE-APACHE"],
        ["licenses/LICENSE-MIT.txt", "../npm/LICENSE-MIT"],
        ["licenses/THIRD-PARTY-LICENSES.txt", "../npm/THIRD-PARTY-LICENSES.txt"],
      ] as const) {
        this.emitFile({ type: "asset", fileName, source: readFileSync(new URL(from, import.meta.url)) });
      }
    },
  };
}

/** Writes sw.js with the list of the site's files. */
function serviceWorker(): Plugin {
  return {
    name: "service-worker",
    enforce: "post",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const hash = createHash("sha256");
        const files = ["icon.svg"];
        for (const [name, file] of Object.entries(bundle).sort(([a], [b]) => (a < b ? -1 : 1))) {
          hash.update(name).update(file.type === "chunk" ? file.code : file.source);
          if (!/^(models|licenses)\/|\.map$/.test(name)) files.push(name);
        }
        const source = readFileSync(new URL("sw.js", import.meta.url), "utf8")
          .replace("__FILES__", JSON.stringify(files))
          .replace("__RELAXED_PROBE__", JSON.stringify([...RELAXED_PROBE]))
          .replace("__VERSION__", hash.digest("hex").slice(0, 16));
        this.emitFile({ type: "asset", fileName: "sw.js", source });
      },
    },
  };
}

export default defineConfig({
  // Relative addresses: the site may be served from any folder.
  base: "./",
  plugins: [bundledFiles(), serviceWorker()],
  worker: { format: "es" },
  build: {
    target: "es2022",
    // The page's policy allows no data: scripts, and files cache better.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ["index.html", "redact.html", "bench.html"] },
  },
});
