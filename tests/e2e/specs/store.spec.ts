/** The store: what happens to it when tabs close, hashes fail, space runs out and models share their bytes. */
import type { Page } from "@playwright/test";
import { contents, damage, KIB, manifest, openParts, read, remove, sha256 } from "../harness/parts.ts";
import { expect, noise, test } from "../harness/test.ts";

const PATH = "/m/model.gguf";
const LENGTH = 10 * 64 * KIB + 12_345;
const BYTES = noise(LENGTH, 11);
const SHA = sha256(BYTES);

test.beforeEach(async ({ page, server }) => {
  await openParts(page, server);
});

test("a chunk damaged in the store is noticed and fetched again, and only it", async ({ page, server }) => {
  const url = server.put(PATH, { bytes: BYTES });
  await read(page, url);
  expect(await damage(page, 3)).toBe(1);
  server.forget();
  const { files, progress } = await read(page, url);
  expect(files).toEqual([SHA]);
  expect(server.requests(PATH).map((seen) => seen.range)).toHaveLength(2);
  expect(progress.at(-1)).toMatchObject({ phase: "load", loaded: LENGTH });
  server.forget();
  expect((await read(page, url)).files).toEqual([SHA]);
  expect(server.requests(PATH)).toEqual([]);
});

test("a damaged chunk that cannot be fetched again is E_INTEGRITY", async ({ page, server }) => {
  const url = server.put(PATH, { bytes: BYTES });
  await read(page, url);
  await damage(page);
  server.change(PATH, { status: 404 });
  const { error } = await read(page, url);
  expect(error?.code).toBe("E_INTEGRITY");
  expect(error?.message).toContain("damaged");
  server.put(PATH, { bytes: BYTES });
  expect((await read(page, url)).files).toEqual([SHA]);
});

test("damaged, and replaced on the server: an error first, the new version next", async ({
  page,
  server,
}) => {
  const url = server.put(PATH, { bytes: BYTES });
  await read(page, url);
  await damage(page, 0);
  const newer = noise(LENGTH, 12);
  server.put(PATH, { bytes: newer });
  expect((await read(page, url)).error?.code).toBe("E_INTEGRITY");
  expect((await read(page, url)).files).toEqual([sha256(newer)]);
});

test("a tab closed in the middle leaves what it stored, and the next goes on", async ({
  page,
  server,
  context,
}) => {
  const url = server.put(PATH, { bytes: BYTES, stallAt: 5 * 64 * KIB });
  const closing = await context.newPage();
  await openParts(closing, server);
  // The page goes away while this runs.
  const reading = read(closing, url).catch(() => undefined);
  await expect.poll(async () => Object.keys((await contents(page)).chunks).length).toBe(5);
  await closing.close();
  await reading;
  const { models, chunks } = await contents(page);
  expect(models).toHaveLength(1);
  expect(models[0]).toMatchObject({ complete: false, storedBytes: 5 * 64 * KIB });
  expect(Object.keys(chunks)).toHaveLength(5);
  server.change(PATH, { stallAt: undefined });
  server.forget();
  expect((await read(page, url)).files).toEqual([SHA]);
  expect(server.requests(PATH)).toHaveLength(1 + 11 - 5);
});

test("two tabs loading the same model download it once", async ({ page, server, context }) => {
  const url = server.put(PATH, { bytes: BYTES, stallAt: 5 * 64 * KIB });
  const other = await context.newPage();
  await openParts(other, server);
  const both = Promise.all([read(page, url), read(other, url)]);
  await expect.poll(async () => Object.keys((await contents(page)).chunks).length).toBe(5);
  server.change(PATH, { stallAt: undefined });
  const [one, two] = await both;
  expect(one.files).toEqual([SHA]);
  expect(two.files).toEqual([SHA]);
  expect(server.requests(PATH)).toHaveLength(11);
  expect([...one.progress, ...two.progress].some((p) => p.phase === "wait")).toBe(true);
  const { models, chunks } = await contents(page);
  expect(models).toHaveLength(1);
  expect(Object.keys(chunks)).toHaveLength(11);
});

test("a full quota is E_QUOTA with numbers; with room the download goes on", async ({
  page,
  server,
  context,
}) => {
  const cdp = await context.newCDPSession(page);
  const url = server.put(PATH, { bytes: BYTES });
  await cdp.send("Storage.overrideQuotaForOrigin", { origin: server.origin, quotaSize: 300 * KIB });
  const { error } = await read(page, url);
  expect(error?.code).toBe("E_QUOTA");
  expect(error?.message).toMatch(/storage for this site is full. It holds 0\.\d MiB/);
  expect(error?.details.kind).toBe("QuotaExceededError");
  await cdp.send("Storage.overrideQuotaForOrigin", { origin: server.origin });
  const stored = Object.keys((await contents(page)).chunks).length;
  expect(stored).toBeGreaterThan(0);
  server.forget();
  expect((await read(page, url)).files).toEqual([SHA]);
  expect(server.requests(PATH)).toHaveLength(1 + 11 - stored);
});

test("a download that cannot fit is not begun", async ({ page, server }) => {
  const url = server.put(PATH, { bytes: BYTES });
  // Chromium's own estimate hides the true quota, so this one plays a browser that tells it.
  await page.evaluate(() => {
    navigator.storage.estimate = () => Promise.resolve({ usage: 100 * 1024, quota: 600 * 1024 });
  });
  const { error } = await read(page, url);
  expect(error?.code).toBe("E_QUOTA");
  expect(error?.message).toMatch(/needs 0\.6 MiB more, but the browser grants this site 0\.6 MiB/);
  expect(error?.details).toMatchObject({ usage: 100 * 1024, quota: 600 * 1024, needed: LENGTH });
  expect(server.requests(PATH)).toHaveLength(1);
});

test("deleting a model frees its chunks", async ({ page, server }) => {
  const url = server.put(PATH, { bytes: BYTES });
  await read(page, url);
  expect(await remove(page, url)).toBe(true);
  expect(await contents(page)).toEqual({ models: [], chunks: {} });
  expect(await remove(page, url)).toBe(false);
});

test("deleting a model that another tab downloads stops that download", async ({ page, server, context }) => {
  const url = server.put(PATH, { bytes: BYTES, stallAt: 5 * 64 * KIB });
  const other = await context.newPage();
  await openParts(other, server);
  const reading = read(other, url);
  await expect.poll(async () => Object.keys((await contents(page)).chunks).length).toBe(5);
  await remove(page, url);
  server.change(PATH, { stallAt: undefined });
  expect((await reading).error?.code).toBe("E_ABORTED");
  expect(await contents(page)).toEqual({ models: [], chunks: {} });
});

for (const [what, clear] of [
  [
    "the browser",
    async (page: Page, origin: string) => {
      const cdp = await page.context().newCDPSession(page);
      await cdp.send("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb" });
    },
  ],
  [
    "the site",
    (page: Page) =>
      page.evaluate(
        () =>
          new Promise((resolve) => {
            indexedDB.deleteDatabase("sotto").onsuccess = resolve;
          }),
      ),
  ],
] as const) {
  test(`storage that ${what} clears in the middle of a download is E_ABORTED; loading again works`, async ({
    page,
    server,
    context,
  }) => {
    const url = server.put(PATH, { bytes: BYTES, stallAt: 5 * 64 * KIB });
    const reading = read(page, url);
    const other = await context.newPage();
    await openParts(other, server);
    await expect.poll(async () => Object.keys((await contents(other)).chunks).length).toBe(5);
    await clear(other, server.origin);
    server.change(PATH, { stallAt: undefined });
    const { error } = await reading;
    expect(error?.code).toBe("E_ABORTED");
    expect(error?.message).toContain("again");
    expect((await read(page, url)).files).toEqual([SHA]);
    expect((await contents(page)).models[0]).toMatchObject({ complete: true, storedBytes: LENGTH });
  });
}

test("storage that a newer version of the package has taken over says so", async ({
  page,
  server,
  context,
}) => {
  const url = server.put(PATH, { bytes: BYTES, stallAt: 5 * 64 * KIB });
  const reading = read(page, url);
  const other = await context.newPage();
  await openParts(other, server);
  await expect.poll(async () => Object.keys((await contents(other)).chunks).length).toBe(5);
  await other.evaluate(
    () =>
      new Promise<void>((resolve) => {
        const opening = indexedDB.open("sotto", 2);
        opening.onsuccess = () => {
          opening.result.close();
          resolve();
        };
      }),
  );
  server.change(PATH, { stallAt: undefined });
  for (const { error } of [await reading, await read(page, url)]) {
    expect(error).toMatchObject({ code: "E_QUOTA", details: { kind: "VersionError" } });
    expect(error?.message).toContain("Reload this page");
  }
  expect((await read(page, url, { store: false })).files).toEqual([SHA]);
});

test("a tab that falls behind leaves alone the version that another tab fetched", async ({
  page,
  server,
  context,
}) => {
  const url = server.put(PATH, { bytes: BYTES });
  await read(page, url);
  await damage(page);
  const other = await context.newPage();
  await openParts(other, server);
  // The first tab repairs the version that it reads and comes to the end of the fifth chunk, with four more in work.
  server.change(PATH, { stallAt: 5 * 64 * KIB });
  const behind = read(page, url);
  await expect.poll(async () => Object.keys((await contents(other)).chunks).length).toBe(11 - 4);
  const newer = noise(LENGTH, 14);
  server.put(PATH, { bytes: newer });
  expect((await read(other, url, { revalidate: true })).files).toEqual([sha256(newer)]);
  server.cutAll();
  expect((await behind).error).toBeDefined();
  // With it go the requests for its other chunks, one of which may be on its way again.
  await page.close();
  server.forget();
  expect((await read(other, url)).files).toEqual([sha256(newer)]);
  expect(server.requests(PATH)).toEqual([]);
});

test.describe("with a manifest", () => {
  // The second version differs in chunk 2 only.
  const SECOND = BYTES.slice();
  SECOND.set(noise(100, 13), 2 * 64 * KIB);
  const json = (text: string) => ({ bytes: new TextEncoder().encode(text), contentType: "application/json" });

  test("two versions at two addresses share what did not change", async ({ page, server }) => {
    for (const [version, bytes] of [
      ["v1", BYTES],
      ["v2", SECOND],
    ] as const) {
      server.put(`/m/${version}/model.gguf`, { bytes });
      server.put(`/m/${version}/manifest.json`, json(manifest("model.gguf", bytes, version)));
    }
    const [v1, v2] = [`${server.origin}/m/v1/manifest.json`, `${server.origin}/m/v2/manifest.json`];
    expect((await read(page, v1)).files).toEqual([SHA]);
    expect(server.requests("/m/v1/model.gguf")).toHaveLength(11);
    expect((await read(page, v2)).files).toEqual([sha256(SECOND)]);
    // One request to learn the length, one for the chunk that changed.
    expect(server.requests("/m/v2/model.gguf").map((seen) => seen.range)).toEqual([
      "bytes=0-0",
      "bytes=131072-196607",
    ]);
    expect(Object.keys((await contents(page)).chunks)).toHaveLength(12);

    await remove(page, v1);
    expect(Object.keys((await contents(page)).chunks)).toHaveLength(11);
    server.forget();
    expect((await read(page, v2)).files).toEqual([sha256(SECOND)]);
    expect(server.requests("/m/v2/model.gguf")).toEqual([]);
  });

  test("an update at the same address fetches what changed and drops what went", async ({ page, server }) => {
    const url = server.put("/m/manifest.json", json(manifest("model.gguf", BYTES, "1")));
    server.put(PATH, { bytes: BYTES });
    await read(page, url);
    server.put("/m/manifest.json", json(manifest("model.gguf", SECOND, "2")));
    server.put(PATH, { bytes: SECOND });
    server.forget();
    expect((await read(page, url, { revalidate: false })).files).toEqual([SHA]);
    expect(server.seen).toEqual([]);
    expect((await read(page, url)).files).toEqual([sha256(SECOND)]);
    expect(server.requests(PATH).map((seen) => seen.range)).toEqual(["bytes=0-0", "bytes=131072-196607"]);
    const { models, chunks } = await contents(page);
    expect(models).toHaveLength(1);
    expect(Object.keys(chunks)).toHaveLength(11);
  });

  test("a stored model loads with its server away", async ({ page, server }) => {
    const url = server.put("/m/manifest.json", json(manifest("model.gguf", BYTES, "1")));
    server.put(PATH, { bytes: BYTES });
    await read(page, url);
    server.change("/m/manifest.json", { status: 404 });
    server.change(PATH, { status: 404 });
    expect((await read(page, url)).files).toEqual([SHA]);
    expect((await read(page, url, { revalidate: true })).error?.code).toBe("E_NETWORK");
  });

  test("a stored model loads on a network that answers with its sign-in page", async ({ page, server }) => {
    const url = server.put("/m/manifest.json", json(manifest("model.gguf", BYTES, "1")));
    server.put(PATH, { bytes: BYTES });
    await read(page, url);
    const html = { bytes: new TextEncoder().encode("<!doctype html>"), contentType: "text/html" };
    server.put("/m/manifest.json", html);
    expect((await read(page, url)).files).toEqual([SHA]);
    expect((await read(page, url, { revalidate: true })).error?.code).toBe("E_MODEL_FORMAT");
    expect((await read(page, url, { revalidate: false })).files).toEqual([SHA]);
  });

  test("a tab that waited for another reads the manifest of today", async ({ page, server, context }) => {
    const url = server.put("/m/manifest.json", json(manifest("model.gguf", BYTES, "1")));
    server.put(PATH, { bytes: BYTES, stallAt: 5 * 64 * KIB });
    const other = await context.newPage();
    await openParts(other, server);
    const first = read(page, url);
    await expect.poll(async () => Object.keys((await contents(page)).chunks).length).toBe(5);
    const second = read(other, url);
    const waiting = () => other.evaluate(async () => (await navigator.locks.query()).pending?.length);
    await expect.poll(waiting).toBe(1);
    server.put("/m/manifest.json", json(manifest("model.gguf", SECOND, "2")));
    server.put(PATH, { bytes: SECOND });
    server.cutAll();
    // The first goes on with the old manifest, and finds a file of another version.
    expect((await first).error?.code).toBe("E_INTEGRITY");
    expect((await second).files).toEqual([sha256(SECOND)]);
    server.forget();
    expect((await read(page, url)).files).toEqual([sha256(SECOND)]);
    expect(server.requests(PATH)).toEqual([]);
  });

  test("a manifest that comes in pieces is read, one without an end is not", async ({ page, server }) => {
    const text = manifest("model.gguf", BYTES, "1").replace(/}$/, `,"note":"${"x".repeat(200 * KIB)}"}`);
    const url = server.put("/m/manifest.json", { ...json(text), cutAt: 100 * KIB, cuts: 1 });
    server.put(PATH, { bytes: BYTES });
    expect((await read(page, url)).files).toEqual([SHA]);
    server.put("/m/manifest.json", { ...json(" ".repeat(17 * 2 ** 20)), slow: 1 });
    expect((await read(page, url)).error?.message).toContain("more than 16 MiB, which no manifest");
  });

  test("bytes that are not what the manifest says are E_INTEGRITY and not stored", async ({
    page,
    server,
  }) => {
    const url = server.put("/m/manifest.json", json(manifest("model.gguf", BYTES, "1")));
    server.put(PATH, { bytes: SECOND });
    const { error } = await read(page, url);
    expect(error?.code).toBe("E_INTEGRITY");
    expect(error?.details).toMatchObject({ reason: "hash", chunk: 2 });
    expect(Object.keys((await contents(page)).chunks)).not.toContain(sha256(SECOND.subarray(131072, 196608)));
    server.put(PATH, { bytes: BYTES });
    expect((await read(page, url)).files).toEqual([SHA]);
  });

  test("a file of another length than the manifest says is E_INTEGRITY", async ({ page, server }) => {
    const url = server.put("/m/manifest.json", json(manifest("model.gguf", BYTES, "1")));
    server.put(PATH, { bytes: BYTES.subarray(0, LENGTH - 1) });
    expect((await read(page, url)).error).toMatchObject({
      code: "E_INTEGRITY",
      details: { reason: "length" },
    });
  });

  test("a manifest may not name files outside its folder", async ({ page, server }) => {
    for (const path of [
      "../model.gguf",
      "..%2fmodel.gguf/../../model.gguf",
      "/m2/model.gguf",
      "a/../../x.gguf",
    ]) {
      const url = server.put("/m/manifest.json", json(manifest(path, BYTES, "1")));
      expect((await read(page, url)).error?.code, path).toBe("E_MODEL_FORMAT");
    }
  });
});
