/** Bundles the package's loader without its engine, for tests that look into the store and the downloader. */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export default async function buildParts(): Promise<void> {
  const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  await build({
    entryPoints: [here("../pages/parts.ts")],
    outfile: here("../.build/parts.js"),
    bundle: true,
    format: "esm",
    target: "es2022",
    sourcemap: "inline",
    logLevel: "warning",
  });
}
