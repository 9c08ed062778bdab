/**
 * Builds dist/: the bundles of both entries and their workers with the code they share, the WebAssembly and the bundled
 * model beside them, and the type declarations.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

process.chdir(fileURLToPath(new URL(".", import.meta.url)));

const MODULES = [
  "sotto_web_bg.wasm",
  "sotto_web_relaxed_bg.wasm",
  "sotto_web_threads_bg.wasm",
  "sotto_web_pii_bg.wasm",
];
if (!MODULES.every((module) => existsSync(`wasm/${module}`))) {
  console.error("npm/wasm/ is missing. Build the engine first: cargo xtask build");
  process.exit(1);
}

rmSync("dist", { recursive: true, force: true });
await build({
  // All in one folder, so that what stands beside a script stands beside every piece of code they share.
  entryPoints: {
    index: "src/index.ts",
    worker: "src/worker.ts",
    helper: "src/helper.ts",
    pii: "src/pii/index.ts",
    "pii-worker": "src/pii/worker.ts",
  },
  outdir: "dist",
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  sourcemap: true,
  chunkNames: "[name]-[hash]",
  logLevel: "warning",
});
// The modules' glue looks for them beside the script it was bundled into.
for (const module of MODULES) copyFileSync(`wasm/${module}`, `dist/${module}`);
copyFileSync("../models/pii-mini/pii-mini.gguf", "dist/pii-mini.gguf");
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], { stdio: "inherit" });
