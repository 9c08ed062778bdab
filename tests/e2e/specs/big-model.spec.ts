/**
 * A model far bigger than the memory it may take while loading. `SOTTO_BIG_MODEL` names a GGUF file, which
 * `cargo xtask test` makes: it is too large to keep.
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
const CHUNK_BYTES = 4 * 2 ** 20;

/** What the CPU's memory may have besides weights, keys and values. */
const MOST_BESIDES = 32e6;

test("on the processor a model takes its weights, its keys and values, and little more", async ({
  page,
  server,
}) => {
  test.skip(FILE === undefined, "SOTTO_BIG_MODEL names no file");
  test.setTimeout(20 * 60_000);
  const path = `/m/${basename(FILE ?? "")}`;
  server.put(path, { bytes: readFileSync(FILE ?? "") });
  await openModelPage(page, server);
  expect((await load(page, path, { device: "cpu", contextLength: 2048 })).code).toBeUndefined();
  expect((await write(page, "", { maxTokens: 2 })).code).toBeUndefined();
  const { stats, weightBytes, memory } = await page.evaluate(async (path) => {
    const { memory } = await sotto.inspectModel(path, { device: "cpu" });
    return { stats: await model.stats(), weightBytes: model.info.weightBytes, memory };
  }, path);
  const cacheBytes = memory.find((need) => need.contextLength === 2048)?.cacheBytes ?? 0;
  expect(cacheBytes).toBeGreaterThan(0);
  console.log(`${weightBytes} bytes of weights, ${cacheBytes} of cache: ${stats.wasmBytes} of memory`);
  expect(stats.wasmBytes).toBeLessThanOrEqual(1.15 * weightBytes + cacheBytes + MOST_BESIDES);
});

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
      const { code, message } = await load(page, path, { chunkBytes: CHUNK_BYTES });
      expect(code, `${visit}: ${message}`).toBeUndefined();
      if (visit === "second") expect(server.requests(path)).toEqual([]);
      expect((await write(page, "", { maxTokens: 2 })).code).toBeUndefined();
      const stats = await page.evaluate(() => model.stats());
      console.log(
        `${visit} load: ${bytes.length} bytes of model, ${stats.wasmBytes} bytes of WebAssembly memory`,
      );
      expect(stats.wasmBytes).toBeLessThan(Math.min(MOST_WASM_BYTES, bytes.length / 2));
      // A chunk at least, less what the header's parsing gives back meanwhile.
      expect(stats.peakLoadBytes).toBeGreaterThan(CHUNK_BYTES / 2);
      expect(stats.peakLoadBytes).toBeLessThanOrEqual(4 * CHUNK_BYTES);
      await page.evaluate(() => model.unload());
    }
  } finally {
    await context.close();
    await rm(profile, { recursive: true });
  }
});
