/** Builds dist/: two bundles with their shared code, the WebAssembly beside them, and the type declarations. */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

process.chdir(fileURLToPath(new URL(".", import.meta.url)));

if (!existsSync("wasm/sotto_web_bg.wasm")) {
  console.error("npm/wasm/ is missing. Build the engine first: cargo xtask build");
  process.exit(1);
}

rmSync("dist", { recursive: true, force: true });
await build({
  entryPoints: ["src/index.ts", "src/worker.ts"],
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
// The engine's glue looks for it beside the script it was bundled into.
copyFileSync("wasm/sotto_web_bg.wasm", "dist/sotto_web_bg.wasm");
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], { stdio: "inherit" });
