/**
 * A model far bigger than the memory it may take while loading. `SOTTO_BIG_MODEL` names a GGUF file, or the test is
 * skipped: such a file is made when it is wanted, not kept.
 */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { chromium } from "@playwright/test";
import { CHROMIUM_FLAGS, chromiumPath } from "../harness/browser.ts";
import { load, openModelPage, write } from "../harness/model.ts";
import { expect, test } from "../harness/test.ts";

const FILE = process.env.SOTTO_BIG_MODEL;
const MOST_WASM_BYTES = 200e6;

test("loading holds a few chunks in memory, never the model", async ({ server }) => {
  test.skip(FILE === undefined, "SOTTO_BIG_MODEL names no file");
  test.setTimeout(20 * 60_000);
  const bytes = readFileSync(FILE ?? "");
  const path = `/m/${basename(FILE ?? "")}`;
  server.put(path, { bytes });
  // A profile on disk: without one the browser would keep the store in memory.
  const profile = await mkdtemp(join(tmpdir(), "sotto-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath(),
    args: CHROMIUM_FLAGS,
  });
  try {
    const page = await context.newPage();
    await openModelPage(page, server);
    for (const visit of ["first", "second"]) {
      server.forget();
      const { code, message } = await load(page, path);
      expect(code, `${visit}: ${message}`).toBeUndefined();
      if (visit === "second") expect(server.requests(path)).toEqual([]);
      expect((await write(page, "", { maxTokens: 2 })).code).toBeUndefined();
      const stats = await page.evaluate(() => model.stats());
      console.log(
        `${visit} load: ${bytes.length} bytes of model, ${stats.wasmBytes} bytes of WebAssembly memory`,
      );
      expect(stats.wasmBytes).toBeLessThan(MOST_WASM_BYTES);
      expect(stats.peakChunksInHeap).toBeLessThanOrEqual(4);
      await page.evaluate(() => model.unload());
    }
  } finally {
    await context.close();
    await rm(profile, { recursive: true });
  }
});
