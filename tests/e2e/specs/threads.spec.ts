/** Threads on the processor: in pages that are cross-origin isolated, and only there. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import type { LoadOptions } from "sotto";
import { STORIES, STORY } from "../harness/fixtures.ts";
import { load, openModelPage, write } from "../harness/model.ts";
import { expect, FOLDERS, test } from "../harness/test.ts";
import type { TestServer } from "../server/server.ts";

const PATH = "/m/stories.gguf";
const MODULE = "/sotto/sotto_web_threads_bg.wasm";
const HELPER = "/sotto/helper.js";
/** Bytes. */
const TOO_SMALL_A_STACK = 256;

async function open(page: Page, server: TestServer, { isolated }: { isolated: boolean }): Promise<void> {
  server.isolated = isolated;
  server.put(PATH, { bytes: STORIES });
  await openModelPage(page, server);
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(isolated);
}

type Options = Pick<LoadOptions, "device" | "threads" | "worker">;

/** Loads the model; the device it came to. */
async function deviceOf(page: Page, options: Options) {
  expect(await load(page, PATH, options)).toMatchObject({ value: { architecture: "llama" } });
  return page.evaluate(() => model.device);
}

const story = async (page: Page) => (await write(page, "", { maxTokens: 200 })).value?.text;
const helped = (page: Page) => page.evaluate(async () => (await model.stats()).helped);

for (const threads of [2, 3]) {
  test(`${threads} threads write what one writes, and all of them work`, async ({ page, server }) => {
    await open(page, server, { isolated: true });
    expect(await deviceOf(page, { device: "cpu", threads })).toMatchObject({
      backend: "cpu",
      threads,
      threadsReason: "asked for",
      name: `CPU, relaxed SIMD, ${threads} threads`,
    });
    expect(server.requests(MODULE)).toHaveLength(1);
    expect(server.requestsUnder("/sotto/sotto_web_relaxed")).toEqual([]);
    expect(await story(page)).toBe(STORY);
    // Most operations of so small a model are over before a helper has seen them.
    expect(await helped(page)).toBeGreaterThan(0);
    // Helpers fall asleep after a fraction of a millisecond, and are woken.
    const before = await helped(page);
    await page.waitForTimeout(200);
    expect(await story(page)).toBe(STORY);
    expect(await helped(page)).toBeGreaterThan(before);
    // A long prompt, which is read in parts, beyond the memory that the module began with.
    const prompt = STORY.repeat(2);
    const together = await write(page, prompt, { maxTokens: 20 });
    await page.evaluate(() => model.unload());
    await load(page, PATH, { device: "cpu", threads: 1 });
    expect(await helped(page)).toBe(0);
    expect((await write(page, prompt, { maxTokens: 20 })).value?.ids).toEqual(together.value?.ids);
  });
}

test("without isolation there is one thread, and nothing for more is fetched", async ({ page, server }) => {
  await open(page, server, { isolated: false });
  const device = await deviceOf(page, { device: "cpu", threads: 4 });
  expect(device).toMatchObject({ threads: 1, name: "CPU, relaxed SIMD" });
  expect(device.threadsReason).toMatch(/not cross-origin isolated/);
  expect(await story(page)).toBe(STORY);
  expect(server.requests(MODULE)).toEqual([]);
  expect(server.requests(HELPER)).toEqual([]);
});

test("threads are taken where the model comes to the processor, as many as there are", async ({
  page,
  server,
}) => {
  await open(page, server, { isolated: true });
  const cores = await page.evaluate(() => navigator.hardwareConcurrency);
  const auto = await deviceOf(page, { device: "auto" });
  expect(auto).toMatchObject({ backend: "cpu", threads: Math.min(cores, 8) });
  await page.evaluate(() => model.unload());
  server.forget();

  const gpu = await deviceOf(page, { device: "webgpu" });
  expect(gpu.backend).toBe("webgpu");
  expect(gpu).not.toHaveProperty("threads");
  await page.evaluate(() => model.unload());
  const inPage = await deviceOf(page, { device: "cpu", worker: false });
  expect(inPage.threads).toBe(1);
  expect(inPage.threadsReason).toMatch(/in the page/);
  expect(await story(page)).toBe(STORY);
  expect(server.requests(MODULE)).toEqual([]);
  expect(server.requests(HELPER)).toEqual([]);
});

test("a wrong number of threads is refused", async ({ page, server }) => {
  await open(page, server, { isolated: true });
  for (const threads of [0, 1.5, 65]) {
    const { code, message } = await load(page, PATH, { threads });
    expect(code).toBe("E_INVALID_ARGUMENT");
    expect(message).toMatch(/threads.*from 1 to 64/);
  }
});

test("a site that does not serve what threads need has one", async ({ page, server }) => {
  await open(page, server, { isolated: true });
  server.put(HELPER, { bytes: new Uint8Array(), status: 404 });
  const alone = await deviceOf(page, { device: "cpu", threads: 3 });
  expect(alone).toMatchObject({ threads: 1, threadsReason: "more workers could not start" });
  expect(await story(page)).toBe(STORY);
  await page.evaluate(() => model.unload());
  server.put(MODULE, { bytes: new Uint8Array(), status: 404 });
  const plain = await deviceOf(page, { device: "cpu", threads: 3 });
  expect(plain).toMatchObject({ threads: 1, threadsReason: "the module for threads could not start" });
  expect(await story(page)).toBe(STORY);
});

test("a helper that breaks down is an error, not a wait for ever", async ({ page, server }) => {
  await open(page, server, { isolated: true });
  // One whose stack, at the memory's beginning, is enough to look for work and not to do it.
  const script = await readFile(join(FOLDERS["/sotto/"], "helper.js"), "utf8");
  const broken = script.replace(
    /\.__stack_pointer\.value=\w+/,
    `.__stack_pointer.value=${TOO_SMALL_A_STACK}`,
  );
  expect(broken).not.toBe(script);
  server.put(HELPER, { bytes: Buffer.from(broken), contentType: "text/javascript" });
  await deviceOf(page, { device: "cpu", threads: 2 });
  expect(await write(page, "", { maxTokens: 200 })).toMatchObject({ code: "E_INTERNAL" });
  // It cannot be used again, and says so.
  expect(await write(page, "", { maxTokens: 1 })).toMatchObject({ code: "E_INTERNAL" });
});

test("helpers end with their model", async ({ page, server, browser }) => {
  await open(page, server, { isolated: true });
  const session = await browser.newBrowserCDPSession();
  const workers = async () => {
    const { targetInfos } = await session.send("Target.getTargets", { filter: [{ type: "worker" }] });
    return targetInfos
      .filter(({ url }) => url.startsWith(server.origin))
      .map(({ url }) => url.split("/").pop());
  };
  await deviceOf(page, { device: "cpu", threads: 3 });
  await story(page);
  expect((await workers()).sort()).toEqual(["helper.js", "helper.js", "worker.js"]);
  await page.evaluate(() => model.unload());
  await expect.poll(workers).toEqual([]);

  // While they work, too.
  await deviceOf(page, { device: "cpu", threads: 3 });
  await page.evaluate(async () => {
    await model.generate("", { temperature: 0 }).next();
    await model.unload();
  });
  await expect.poll(workers).toEqual([]);
});
