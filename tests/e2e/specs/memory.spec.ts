/** The GPU memory of a model in the page, where no worker's end frees it. */
import { STORIES } from "../harness/fixtures.ts";
import { keepDevices, load, openModelPage, write } from "../harness/model.ts";
import { expect, test } from "../harness/test.ts";

const PATH = "/m/stories.gguf";

test.beforeEach(async ({ page, server }) => {
  server.put(PATH, { bytes: STORIES });
  await openModelPage(page, server);
});

test("whatever becomes of a model in the page, its GPU memory goes with it", async ({ page, server }) => {
  await keepDevices(page);
  await openModelPage(page, server);
  const chunkBytes = 64 * 1024;
  /** Why each device that was made since the last time is gone; waits for it. */
  const gone = () =>
    page.evaluate(async () => {
      const { made } = globalThis as unknown as { made: GPUDevice[] };
      return (await Promise.all(made.splice(0).map(({ lost }) => lost))).map(({ reason }) => reason);
    });

  await load(page, PATH, { worker: false, device: "webgpu" });
  await write(page, "", { maxTokens: 3 });
  await page.evaluate(() => model.unload());
  expect(await gone()).toEqual(["destroyed"]);

  // Unloaded with a reply under way whose reader never comes back.
  await load(page, PATH, { worker: false, device: "webgpu" });
  await page.evaluate(async () => {
    await model.generate("", { temperature: 0 }).next();
    await model.unload();
  });
  expect(await gone()).toEqual(["destroyed"]);

  server.put("/m/cut.gguf", { bytes: STORIES, cutAt: 300_000 });
  expect((await load(page, "/m/cut.gguf", { worker: false, device: "webgpu", chunkBytes })).code).toBe(
    "E_NETWORK",
  );
  expect(await gone()).toEqual(["destroyed"]);

  server.put("/m/slow.gguf", { bytes: STORIES, stallAt: 9 * chunkBytes });
  const code = await page.evaluate(async (chunkBytes) => {
    const abort = new AbortController();
    const onProgress = ({ loaded }: { loaded: number }) => {
      if (loaded >= 9 * chunkBytes) abort.abort();
    };
    const options = {
      worker: false,
      device: "webgpu",
      chunkBytes,
      onProgress,
      signal: abort.signal,
    } as const;
    return sotto
      .loadModel("/m/slow.gguf", options)
      .catch((error: unknown) => (error as { code: string }).code);
  }, chunkBytes);
  expect(code).toBe("E_ABORTED");
  expect(await gone()).toEqual(["destroyed"]);
});
