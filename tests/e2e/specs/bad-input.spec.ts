/** Bad files, bad options, a lost device: each gives its typed error, and the next good call works. */
import { STORIES, STORY, widened, withMetadata } from "../harness/fixtures.ts";
import { keepDevices, load, openModelPage, write } from "../harness/model.ts";
import { expect, noise, test } from "../harness/test.ts";

const PATH = "/m/stories.gguf";

test.beforeEach(async ({ page, server }) => {
  server.put(PATH, { bytes: STORIES });
  await openModelPage(page, server);
});

test("a file cut anywhere is E_MODEL_FORMAT, and the whole one loads from the same address", async ({
  page,
  server,
}) => {
  for (const length of [1, 3, 4, 23, 24, 100, 5000, 20_000, STORIES.length >> 1, STORIES.length - 1]) {
    server.put(PATH, { bytes: STORIES.subarray(0, length) });
    const { code, message } = await load(page, PATH, { device: "cpu" });
    expect(code, `${length} bytes: ${message}`).toBe("E_MODEL_FORMAT");
  }
  server.put(PATH, { bytes: STORIES });
  expect((await load(page, PATH)).code).toBeUndefined();
  expect((await write(page, "", { maxTokens: 200 })).value?.text).toBe(STORY);
});

test("what is no model is E_MODEL_FORMAT", async ({ page, server }) => {
  const text = (words: string) => new TextEncoder().encode(words);
  const wrong = [
    new Uint8Array(),
    text("hello"),
    noise(200_000, 5),
    text(`GGUF${"x".repeat(100_000)}`),
    text("<!doctype html><title>Not found</title>"),
  ];
  for (const bytes of wrong) {
    server.put(PATH, { bytes });
    expect((await load(page, PATH, { device: "cpu" })).code).toBe("E_MODEL_FORMAT");
    expect(await page.evaluate(() => sotto.listModels())).toEqual([]);
  }
  server.put("/m/manifest.json", { bytes: text("{"), contentType: "application/json" });
  expect((await load(page, "/m/manifest.json")).code).toBe("E_MODEL_FORMAT");
});

test("flipped bits in the header never do worse than a typed error", async ({ page, server }) => {
  for (let i = 0; i < 12; i++) {
    const bytes = STORIES.slice();
    const [at = 0, by = 0] = new Uint32Array(noise(8, i + 1).buffer);
    const place = at % 9000;
    bytes[place] = (bytes[place] ?? 0) ^ (1 << (by % 8));
    server.put(PATH, { bytes });
    const { code } = await load(page, PATH, { device: "cpu" });
    expect([undefined, "E_MODEL_FORMAT", "E_UNSUPPORTED_ARCH", "E_OUT_OF_MEMORY"], `byte ${place}`).toContain(
      code,
    );
  }
  server.put(PATH, { bytes: STORIES });
  expect((await load(page, PATH, { revalidate: true })).code).toBeUndefined();
  expect((await write(page, "", { maxTokens: 20 })).code).toBeUndefined();
});

test("an architecture that is not supported is E_UNSUPPORTED_ARCH", async ({ page, server }) => {
  const bytes = STORIES.slice();
  // The value of general.architecture; a name of the same length keeps the file's layout.
  const at = Buffer.from(bytes).indexOf("llama");
  bytes.set(new TextEncoder().encode("bloom"), at);
  server.put(PATH, { bytes });
  const { code, message } = await load(page, PATH);
  expect([code, message]).toEqual(["E_UNSUPPORTED_ARCH", expect.stringContaining("bloom")]);
});

test("text in a file that is not UTF-8 is E_MODEL_FORMAT", async ({ page, server }) => {
  const bytes = withMetadata(STORIES, "general.note", "plain");
  bytes[Buffer.from(bytes).indexOf("plain")] = 0xff;
  server.put(PATH, { bytes });
  expect((await load(page, PATH)).code).toBe("E_MODEL_FORMAT");
});

test("unknown options and wrong values are refused by name", async ({ page }) => {
  const codes = await page.evaluate(async (url) => {
    const say = (work: () => unknown) =>
      Promise.resolve()
        .then(work)
        .then(
          () => "accepted",
          (error: unknown) => {
            const { code, message } = error as { code: string; message: string };
            return `${code} ${message}`;
          },
        );
    const loads = [
      { contextSize: 5 },
      { device: "tpu" },
      { contextLength: 0 },
      { chunkBytes: 1 },
      { signal: 3 },
    ];
    const said: string[] = [];
    for (const options of loads) said.push(await say(() => sotto.loadModel(url, options as never)));
    globalThis.model = await sotto.loadModel(url);
    const generates = [{ max_tokens: 5 }, { temperature: -1 }, { topP: 0 }, { stop: "x" }, { seed: 1.5 }];
    for (const options of generates) said.push(await say(() => model.generate("", options as never)));
    said.push(await say(() => model.generate([1.5])));
    said.push(await say(() => model.detokenize([100_000])));
    said.push(
      await say(() => model.chat.completions.create({ messages: [{ role: "user", content: "Hi" }] })),
    );
    return said;
  }, PATH);
  for (const said of codes) expect(said).toMatch(/^E_INVALID_ARGUMENT /);
  expect(codes[0]).toContain('"contextSize"');
  expect(codes[0]).toContain("contextLength");
  expect((await write(page, "", { maxTokens: 200 })).value?.text).toBe(STORY);
});

test("a prompt longer than the context is E_CONTEXT_LENGTH with both numbers", async ({ page }) => {
  await load(page, PATH, { contextLength: 64 });
  const { code, message } = await write(page, "Once upon a time there was a secret. ".repeat(30));
  expect(code).toBe("E_CONTEXT_LENGTH");
  expect(message).toContain("64");
  expect(message).not.toContain("secret");
  const { value } = await write(page, "", { ignoreEos: true });
  expect(value?.last).toMatchObject({ done: true, finishReason: "length" });
  expect(value?.text.startsWith(STORY.slice(0, 100))).toBe(true);
});

test("half a surrogate pair in a prompt is not a fault", async ({ page }) => {
  await load(page, PATH);
  expect((await write(page, "a \ud83d b", { maxTokens: 5 })).code).toBeUndefined();
});

test("a device lost between replies and within one is E_DEVICE_LOST; loading again works", async ({
  page,
  server,
}) => {
  await keepDevices(page);
  await openModelPage(page, server);
  for (const [within, draft] of [
    [false, undefined],
    [true, undefined],
    [true, PATH],
  ] as const) {
    await load(page, PATH, { worker: false, draft });
    const code = await page.evaluate(async (within) => {
      const destroy = () => {
        for (const device of (globalThis as unknown as { made: GPUDevice[] }).made) device.destroy();
      };
      if (!within) destroy();
      try {
        for await (const part of model.generate("", { temperature: 0, maxTokens: 200 })) {
          if (within && part.ids.length > 0) destroy();
        }
        return "ended";
      } catch (error) {
        return (error as { code: string }).code;
      }
    }, within);
    expect(code).toBe("E_DEVICE_LOST");
    await page.evaluate(() => model.unload());
  }
  expect((await load(page, PATH, { worker: false })).code).toBeUndefined();
  expect((await write(page, "", { maxTokens: 200 })).value?.text).toBe(STORY);
});

test("a GPU that was not asked for by name may be lost: the processor goes on, in the same stream", async ({
  page,
  server,
}) => {
  // Software takes its time with two models on its GPU.
  test.slow();
  await keepDevices(page);
  await page.addInitScript(() => {
    // The adapter passes for a real one, which is what is taken where nothing is asked for.
    for (const name of ["vendor", "architecture", "device", "description"] as const)
      Object.defineProperty(GPUAdapterInfo.prototype, name, { get: () => "a card" });
    Object.defineProperty(GPUAdapterInfo.prototype, "isFallbackAdapter", { get: () => false });
    // With the kernels that suit it: a card's take minutes in software, and so does measuring them.
    localStorage.setItem("sotto-tuning", JSON.stringify({ "a card 2": "1/16/0k" }));
  });
  await openModelPage(page, server);
  const prompt = "Once upon a time";
  await load(page, PATH, { device: "cpu" });
  const sampling = { maxTokens: 60, temperature: 0.9, repetitionPenalty: 1.1, seed: 3 };
  const sampled = (await write(page, prompt, sampling)).value;

  for (const within of [false, true]) {
    // Keys and values in bytes are the GPU's alone.
    await load(page, PATH, { device: "auto", worker: false, ...(!within && { kvType: "q8_0" }) });
    expect(await page.evaluate(() => model.device.backend)).toBe("webgpu");
    server.forget();
    const told = await page.evaluate(
      async ([prompt, sampling, within]) => {
        const destroy = () => {
          for (const device of (globalThis as unknown as { made: GPUDevice[] }).made) device.destroy();
        };
        if (!within) destroy();
        const ids: number[] = [];
        let text = "";
        let last;
        for await (const part of model.generate(prompt, sampling)) {
          ids.push(...part.ids);
          text += part.text;
          last = part;
          if (within && ids.length === 20) destroy();
        }
        return { ids, text, usage: last?.usage, device: model.device };
      },
      [prompt, sampling, within] as const,
    );
    expect(told.device).toMatchObject({ backend: "cpu", reason: "the GPU was lost" });
    expect(told.text).toBe(sampled?.text);
    expect(told.ids).toEqual(sampled?.ids);
    expect(told.usage).toEqual(sampled?.last.usage);
    // What is stored is loaded from there.
    expect(server.requests(PATH)).toEqual([]);
    expect((await write(page, "", { maxTokens: 200 })).value?.text).toBe(STORY);
    await page.evaluate(() => model.unload());
  }
});

test("a model that no page can hold is E_OUT_OF_MEMORY with the numbers before its weights are fetched", async ({
  page,
  server,
}) => {
  // 15 matrices of 64 x 4 Mi floats: 16 GB.
  const big = widened(4 * 2 ** 20);
  server.put(PATH, big);
  const { code, message } = await load(page, PATH, { device: "cpu" });
  expect(code, message).toBe("E_OUT_OF_MEMORY");
  const [needed = 0, limit = 0] = (message?.match(/\d+/g) ?? []).map(Number);
  expect(needed).toBeGreaterThan(16e9);
  expect(needed).toBeLessThan(16.5e9);
  expect(limit).toBeLessThan(2 ** 32);
  expect(limit).toBeGreaterThan(2 ** 32 - 100e6);
  expect(server.requests(PATH)).toHaveLength(1);
  expect(await page.evaluate(() => sotto.listModels())).toEqual([]);
  // One whose header is as it should be is read on.
  server.put(PATH, { bytes: widened(172).bytes });
  expect((await load(page, PATH, { device: "cpu" })).code).toBeUndefined();
  expect((await write(page, "", { maxTokens: 200 })).value?.text).toBe(STORY);
});

test("an engine that breaks down in the middle of a reply says so and does not hang", async ({
  page,
  server,
}) => {
  await page.addInitScript(() => {
    // What the engine calls throws where nothing expects it: the exception passes through the WebAssembly.
    // eslint-disable-next-line @typescript-eslint/unbound-method
    const submit = GPUQueue.prototype.submit;
    Object.assign(globalThis, { faulty: false });
    GPUQueue.prototype.submit = function (buffers) {
      if ((globalThis as unknown as { faulty: boolean }).faulty) throw new Error("a fault");
      submit.call(this, buffers);
    };
  });
  await openModelPage(page, server);
  await load(page, PATH, { worker: false });
  const codes = await page.evaluate(async () => {
    const code = async (work: () => Promise<unknown>) => {
      try {
        await work();
        return "no error";
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    const reply = async () => {
      for await (const part of model.generate("", { temperature: 0, maxTokens: 200 })) {
        if (part.ids.length > 0) Object.assign(globalThis, { faulty: true });
      }
    };
    const codes = [await code(reply), await code(reply), await code(() => model.stats())];
    Object.assign(globalThis, { faulty: false });
    codes.push(await code(() => model.unload()));
    return codes;
  });
  expect(codes).toEqual(["E_INTERNAL", "E_INTERNAL", "E_INTERNAL", "no error"]);
  expect((await load(page, PATH, { worker: false })).code).toBeUndefined();
  expect((await write(page, "", { maxTokens: 200 })).value?.text).toBe(STORY);
});

test("a browser without WebGPU is E_NO_WEBGPU before the weights are fetched; the processor works", async ({
  page,
  server,
}) => {
  await page.addInitScript(() => {
    GPU.prototype.requestAdapter = () => Promise.resolve(null);
  });
  await openModelPage(page, server);
  server.forget();
  const options = { worker: false, chunkBytes: 64 * 1024 };
  const { code, message } = await load(page, PATH, options);
  expect(code, message).toBe("E_NO_WEBGPU");
  expect(message).toContain("the browser has no WebGPU");
  expect(server.requests(PATH)).toHaveLength(1);
  expect((await load(page, PATH, { ...options, device: "cpu" })).code).toBeUndefined();
  expect((await write(page, "", { maxTokens: 200 })).value?.text).toBe(STORY);
});
