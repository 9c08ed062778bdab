/** Downloading: whatever the server and the connection do, the bytes come out right or the error says why. */
import { contents, damage, KIB, openParts, read, sha256 } from "../harness/parts.ts";
import { expect, noise, test } from "../harness/test.ts";

const PATH = "/m/model.gguf";
// Not a multiple of the chunk size, and more chunks than are fetched at once.
const LENGTH = 10 * 64 * KIB + 12_345;
const BYTES = noise(LENGTH, 1);
const SHA = sha256(BYTES);
const HTML = new TextEncoder().encode("<!doctype html><title>Sign in</title>");

test.beforeEach(async ({ page, server }) => {
  await openParts(page, server);
});

test("ranges are fetched once each, and a second read asks the server nothing", async ({ page, server }) => {
  const url = server.put(PATH, { bytes: BYTES });
  expect((await read(page, url)).files).toEqual([SHA]);
  const ranges = server.requests(PATH).map((seen) => seen.range);
  expect(ranges).toHaveLength(11);
  expect(new Set(ranges).size).toBe(11);
  server.forget();
  expect((await read(page, url)).files).toEqual([SHA]);
  await page.reload();
  expect((await read(page, url)).files).toEqual([SHA]);
  expect(server.requests(PATH)).toEqual([]);
});

test("a server without ranges is read in one go", async ({ page, server }) => {
  const url = server.put(PATH, { bytes: BYTES, ranges: false });
  expect((await read(page, url)).files).toEqual([SHA]);
  expect(server.requests(PATH)).toHaveLength(1);
  server.forget();
  expect((await read(page, url)).files).toEqual([SHA]);
  expect(server.requests(PATH)).toEqual([]);
});

test("a server that does not tell the length is read to the end", async ({ page, server }) => {
  const url = server.put(PATH, { bytes: BYTES, ranges: false, contentLength: false });
  expect((await read(page, url)).files).toEqual([SHA]);
  server.forget();
  expect((await read(page, url)).files).toEqual([SHA]);
  expect(server.requests(PATH)).toEqual([]);
});

test("a length that only the end of the body tells is kept, even of a whole number of chunks", async ({
  page,
  server,
}) => {
  const bytes = BYTES.subarray(0, 4 * 64 * KIB);
  const url = server.put(PATH, { bytes, ranges: false, contentLength: false });
  expect((await read(page, url)).files).toEqual([sha256(bytes)]);
  server.forget();
  const again = await read(page, url);
  expect(again.files).toEqual([sha256(bytes)]);
  expect(again.progress.at(-1)?.total).toBe(bytes.length);
  expect(server.requests(PATH)).toEqual([]);
});

test("a server without any version of its file is trusted only whole", async ({ page, server }) => {
  const url = server.put(PATH, { bytes: BYTES, etag: null });
  expect((await read(page, url, { abortAfter: 200 * KIB })).error?.code).toBe("E_ABORTED");
  server.forget();
  expect((await read(page, url)).files).toEqual([SHA]);
  expect(server.requests(PATH).length).toBeGreaterThanOrEqual(11);
  server.forget();
  expect((await read(page, url)).files).toEqual([SHA]);
  expect(server.requests(PATH)).toEqual([]);
});

for (const cutAt of [0, 1, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 300_000, LENGTH - 1]) {
  test(`a connection cut at byte ${cutAt} goes on from there`, async ({ page, server }) => {
    const url = server.put(PATH, { bytes: BYTES, cutAt, cuts: 2 });
    expect((await read(page, url)).files).toEqual([SHA]);
  });
}

test("a body without ranges that is cut is begun again", async ({ page, server }) => {
  const url = server.put(PATH, { bytes: BYTES, ranges: false, cutAt: 300_000, cuts: 2 });
  expect((await read(page, url)).files).toEqual([SHA]);
  expect(server.requests(PATH)).toHaveLength(3);
});

test("a connection that always breaks is given up, and a later load goes on", async ({ page, server }) => {
  const url = server.put(PATH, { bytes: BYTES, cutAt: 300_000 });
  const { error } = await read(page, url);
  expect(error?.code).toBe("E_NETWORK");
  expect(error?.message).toContain("300000");
  server.change(PATH, { cuts: 0 });
  server.forget();
  expect((await read(page, url)).files).toEqual([SHA]);
  // One request to ask for the version, and the seven chunks from the cut on at most.
  expect(server.requests(PATH).length).toBeLessThanOrEqual(8);
});

test.describe("a server that takes requests and never answers", () => {
  const HALF_A_MINUTE = 30_000;

  test.beforeEach(async ({ page, server }) => {
    // The page's clock, which goes on by itself, can be moved on.
    await page.clock.install();
    await openParts(page, server);
  });

  test("is asked again", async ({ page, server }) => {
    const url = server.put(PATH, { bytes: BYTES, silent: true });
    const reading = read(page, url);
    await expect.poll(() => server.requests(PATH).length).toBe(1);
    server.put(PATH, { bytes: BYTES });
    await page.clock.fastForward(HALF_A_MINUTE);
    expect((await reading).files).toEqual([SHA]);
  });

  test("is given up, and holds up nobody else", async ({ page, server }) => {
    const url = server.put(PATH, { bytes: BYTES, silent: true });
    const reading = read(page, url);
    for (let tries = 1; tries <= 5; tries++) {
      await expect.poll(() => server.requests(PATH).length).toBe(tries);
      await page.clock.fastForward(HALF_A_MINUTE);
    }
    const { error } = await reading;
    expect(error?.code).toBe("E_NETWORK");
    expect(error?.message).toContain("did not answer within 30 seconds");
    server.put(PATH, { bytes: BYTES });
    expect((await read(page, url)).files).toEqual([SHA]);
  });
});

test("busy servers are asked again", async ({ page, server }) => {
  const url = server.put(PATH, { bytes: BYTES, status: 503 });
  setTimeout(() => {
    server.put(PATH, { bytes: BYTES });
  }, 300);
  expect((await read(page, url)).files).toEqual([SHA]);
});

for (const [status, says] of [
  [404, "no file"],
  [403, "not open to this page"],
  [500, "answered 500"],
] as const) {
  test(`status ${status} is E_NETWORK`, async ({ page, server }) => {
    const { error } = await read(page, server.put(PATH, { bytes: BYTES, status }));
    expect(error?.code).toBe("E_NETWORK");
    expect(error?.message).toContain(says);
    expect(error?.details.status).toBe(status);
  });
}

test("a web page instead of a model is named as such", async ({ page, server }) => {
  for (const contentType of ["text/html; charset=utf-8", "application/octet-stream"]) {
    const { error } = await read(page, server.put(PATH, { bytes: HTML, contentType }));
    expect(error?.code).toBe("E_MODEL_FORMAT");
    expect(error?.message).toContain("web page");
  }
});

for (const [what, answer] of [
  ["a web page", { bytes: HTML, contentType: "text/html" }],
  ["an empty file", { bytes: new Uint8Array() }],
] as const) {
  test(`${what} in the model's place costs nothing that was stored`, async ({ page, server }) => {
    const url = server.put(PATH, { bytes: BYTES });
    const stored = async () => Object.keys((await contents(page)).chunks).length;
    const refused = async (options: { revalidate?: boolean } = {}) => {
      server.put(PATH, answer);
      expect((await read(page, url, options)).error?.code).toBe("E_MODEL_FORMAT");
      server.put(PATH, { bytes: BYTES });
    };
    expect((await read(page, url, { abortAfter: 3 * 64 * KIB })).error?.code).toBe("E_ABORTED");
    const begun = await stored();
    expect(begun).toBeGreaterThanOrEqual(3);
    await refused();
    expect(await stored()).toBe(begun);
    server.forget();
    expect((await read(page, url)).files).toEqual([SHA]);
    expect(server.requests(PATH)).toHaveLength(1 + 11 - begun);

    await refused({ revalidate: true });
    expect(await stored()).toBe(11);
    await damage(page, 5);
    await refused();
    expect(await stored()).toBe(10);
    expect((await read(page, url)).files).toEqual([SHA]);
  });
}

test("a model that was never there leaves no trace in the list", async ({ page, server }) => {
  for (const answer of [
    { bytes: HTML, contentType: "text/html" },
    { bytes: BYTES, status: 404 },
  ]) {
    expect((await read(page, server.put(PATH, answer))).error).toBeDefined();
    expect((await contents(page)).models).toEqual([]);
  }
});

test("a file that changes in the middle of the download is noticed", async ({ page, server }) => {
  const url = server.put(PATH, { bytes: BYTES, stallAt: 3 * 64 * KIB });
  const reading = read(page, url);
  await expect.poll(() => server.requests(PATH).length).toBeGreaterThan(4);
  server.change(PATH, { stallAt: undefined });
  const newer = noise(LENGTH, 2);
  server.put(PATH, { bytes: newer });
  const { error } = await reading;
  expect(error?.code).toBe("E_INTEGRITY");
  expect(error?.message).toContain("changed on the server");
  expect((await read(page, url)).files).toEqual([sha256(newer)]);
});

test("a file that changed since a download was cut is fetched anew", async ({ page, server }) => {
  const url = server.put(PATH, { bytes: BYTES });
  expect((await read(page, url, { abortAfter: 200 * KIB })).error?.code).toBe("E_ABORTED");
  const newer = noise(LENGTH - 100_000, 3);
  server.put(PATH, { bytes: newer });
  expect((await read(page, url)).files).toEqual([sha256(newer)]);
});

test("revalidate asks for the version, and fetches only what changed", async ({ page, server }) => {
  const url = server.put(PATH, { bytes: BYTES });
  await read(page, url);
  server.forget();
  expect((await read(page, url, { revalidate: true })).files).toEqual([SHA]);
  expect(server.requests(PATH).map((seen) => seen.range)).toEqual(["bytes=0-0"]);
  const newer = noise(LENGTH, 4);
  server.put(PATH, { bytes: newer });
  expect((await read(page, url)).files).toEqual([SHA]);
  expect((await read(page, url, { revalidate: true })).files).toEqual([sha256(newer)]);
});

test("another site that does not allow it is explained, one that does works", async ({ page, server }) => {
  const foreign = server.put(PATH, { bytes: BYTES }).replace("localhost", "127.0.0.1");
  const { error } = await read(page, foreign);
  expect(error?.code).toBe("E_NETWORK");
  expect(error?.message).toContain("Access-Control-Allow-Origin");
  // Neither ETag nor Content-Range is readable here; the length comes from a HEAD request.
  server.change(PATH, { headers: { "Access-Control-Allow-Origin": "*" } });
  expect((await read(page, foreign)).files).toEqual([SHA]);
});

test("an empty file is E_MODEL_FORMAT", async ({ page, server }) => {
  const { error } = await read(page, server.put(PATH, { bytes: new Uint8Array() }));
  expect(error?.code).toBe("E_MODEL_FORMAT");
  expect(error?.message).toContain("is empty");
});

test("without the store nothing is stored and the bytes are right", async ({ page, server }) => {
  for (const ranges of [true, false]) {
    const url = server.put(PATH, { bytes: BYTES, ranges });
    server.forget();
    expect((await read(page, url, { store: false })).files).toEqual([SHA]);
    expect(server.requests(PATH)).toHaveLength(ranges ? 11 : 1);
  }
  expect(await page.evaluate(() => indexedDB.databases())).toEqual([]);
});

test("progress counts bytes, never backwards, up to the whole", async ({ page, server }) => {
  const url = server.put(PATH, { bytes: BYTES, cutAt: 300_000, cuts: 1, slow: 2 });
  const { progress } = await read(page, url);
  const downloads = progress.filter((p) => p.phase === "download");
  expect(downloads.length).toBeGreaterThan(2);
  for (const [i, p] of downloads.entries()) {
    expect(p.total).toBe(LENGTH);
    expect(p.file).toBe("model.gguf");
    expect(p.loaded).toBeGreaterThanOrEqual(downloads[i - 1]?.loaded ?? 0);
  }
  expect(progress.at(-1)).toEqual({ phase: "load", loaded: LENGTH, total: LENGTH, file: "model.gguf" });
  const again = (await read(page, url)).progress;
  expect(again.every((p) => p.phase === "load")).toBe(true);
  expect(again.at(-1)?.loaded).toBe(LENGTH);
});
