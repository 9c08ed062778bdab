/** The package as a page uses it: a real model, loaded through the store, on WebGPU. */
import {
  HALF,
  QUANTISED,
  STORIES,
  STORY,
  STORY_TEXT,
  STORY_TOKENS,
  withMetadata,
} from "../harness/fixtures.ts";
import { load, openModelPage, write } from "../harness/model.ts";
import { expect, test } from "../harness/test.ts";

const PATH = "/m/stories.gguf";

test.beforeEach(async ({ page, server }) => {
  server.put(PATH, { bytes: STORIES });
  await openModelPage(page, server);
});

for (const [where, options] of [
  ["in a worker, on WebGPU", {}],
  ["in the page, on WebGPU", { worker: false }],
  ["in a worker, on the processor", { device: "cpu" }],
  ["in a worker, on what is faster", { device: "auto" }],
] as const) {
  test(`writes the reference text ${where}; the second load needs no network`, async ({ page, server }) => {
    // Chunks so small that the file is many of them.
    const small = { ...options, chunkBytes: 64 * 1024 };
    const facts = { architecture: "llama", vocabSize: 512, layers: 5, quantization: "F32", files: 1 };
    expect(await load(page, PATH, small)).toMatchObject({ value: facts });
    const { value } = await write(page, "", { maxTokens: 200 });
    expect(value?.text).toBe(STORY);
    expect(value?.ids).toHaveLength(200);
    expect(value?.last).toMatchObject({
      done: true,
      finishReason: "length",
      usage: { promptTokens: 1, generatedTokens: 200 },
    });

    await page.reload();
    await page.waitForFunction(() => "sotto" in globalThis);
    server.forget();
    await load(page, PATH, small);
    expect(server.requests(PATH)).toEqual([]);
    server.forget();
    expect((await write(page, "", { maxTokens: 200 })).value?.text).toBe(STORY);
    expect(server.seen).toEqual([]);
  });
}

test("tells of itself: device, context and counters", async ({ page }) => {
  await load(page, PATH, { contextLength: 128, chunkBytes: 64 * 1024 });
  await write(page, "Once upon a time", { maxTokens: 10 });
  const told = await page.evaluate(async () => ({
    device: model.device,
    contextLength: model.contextLength,
    stats: await model.stats(),
  }));
  expect(told.device).toMatchObject({ backend: "webgpu", software: true });
  expect(told.device.name).toMatch(/swiftshader/i);
  expect(told.contextLength).toBe(128);
  const { stats } = told;
  expect(stats.generatedTokens).toBe(10);
  expect(stats.promptTokens).toBeGreaterThan(4);
  expect(stats.peakLoadBytes).toBeGreaterThanOrEqual(64 * 1024);
  expect(stats.peakLoadBytes).toBeLessThanOrEqual(4 * 64 * 1024);
  expect(stats.deviceBytes).toBeGreaterThan(1e6);
  expect(stats.firstTokenMs).toBeGreaterThanOrEqual(stats.prefillMs);
  expect(stats.decodeMs).toBeGreaterThan(0);
});

test("the device is chosen by what is there, and says why", async ({ page }) => {
  const device = async (options: { device: "auto" | "webgpu" | "cpu" }) => {
    await load(page, PATH, options);
    return page.evaluate(() => model.device);
  };
  expect(await device({ device: "cpu" })).toMatchObject({ backend: "cpu", reason: "asked for" });
  const auto = await device({ device: "auto" });
  expect(auto).toMatchObject({ backend: "cpu", software: false });
  expect(auto.name).toMatch(/SIMD/);
  expect(auto.reason).toMatch(/the only WebGPU adapter computes on the processor/);
  await page.evaluate(() => {
    Object.defineProperty(Navigator.prototype, "gpu", { value: undefined });
  });
  const without = await page.evaluate(async (path) => {
    const model = await sotto.loadModel(path, { worker: false });
    const { device } = model;
    await model.unload();
    return device;
  }, PATH);
  expect(without.backend).toBe("cpu");
});

test("takes the kernels that were measured for this GPU, with subgroups, and writes the same", async ({
  page,
  server,
}) => {
  server.put("/m/q4.gguf", { bytes: QUANTISED });
  const told = async () => {
    await load(page, "/m/q4.gguf");
    const { value } = await write(page, "", { maxTokens: 24 });
    return { device: await page.evaluate(() => model.device), ids: value?.ids };
  };
  const plain = await told();
  expect(plain.device.tuning).toBe("1/16/0k");
  expect(plain.ids).toHaveLength(24);
  const { name } = plain.device;
  // The last one asks for more lanes than a subgroup of SwiftShader has, 4, and gets them without subgroups.
  const variants = { "4/64/16kmg": "4/64/16kmg", "4/32/1kiag": "4/32/1kiag", "8/32/1kieg": "8/32/1kie" };
  for (const [remembered, got] of Object.entries(variants)) {
    await page.evaluate(
      ([name, remembered]) => {
        localStorage.setItem("sotto-tuning", JSON.stringify({ [`${name} 2`]: remembered }));
      },
      [name, remembered] as const,
    );
    const tuned = await told();
    expect(tuned.device.tuning).toBe(got);
    expect(tuned.ids, remembered).toEqual(plain.ids);
  }
});

test("a browser whose WebAssembly has no SIMD is told so before anything is fetched", async ({
  page,
  server,
}) => {
  await page.evaluate(() => {
    WebAssembly.validate = () => false;
  });
  server.forget();
  const { code, message } = await load(page, PATH);
  expect(code).toBe("E_NO_SIMD");
  expect(message).toContain("SIMD");
  expect(server.seen).toEqual([]);
});

test("tokens are those of the reference, there and back", async ({ page }) => {
  await load(page, PATH);
  const [ids, text] = await page.evaluate(async (text) => {
    const ids = await model.tokenize(text);
    return [ids, await model.detokenize(ids.slice(1))] as const;
  }, STORY_TEXT);
  expect(ids).toEqual(STORY_TOKENS);
  expect(text.trim()).toBe(STORY_TEXT.trim());
});

test("a prompt of ids writes what the same prompt of text writes", async ({ page }) => {
  await load(page, PATH);
  const byText = (await write(page, "Lily wanted", { maxTokens: 20 })).value?.text;
  const byIds = await page.evaluate(async () => {
    let text = "";
    const ids = await model.tokenize("Lily wanted");
    for await (const part of model.generate(ids, { maxTokens: 20, temperature: 0 })) text += part.text;
    return text;
  });
  expect(byIds).toBe(byText);
});

test("a seed repeats a text; without one it varies", async ({ page }) => {
  await load(page, PATH);
  const options = { maxTokens: 40, temperature: 1 };
  const seeded = [7, 7, 8].map((seed) => () => write(page, "", { ...options, seed }));
  const texts: (string | undefined)[] = [];
  for (const next of [...seeded, () => write(page, "", options), () => write(page, "", options)]) {
    texts.push((await next()).value?.text);
  }
  expect(texts[0]).toBe(texts[1]);
  expect(texts[2]).not.toBe(texts[0]);
  expect(texts[3]).not.toBe(texts[4]);
});

test("a stop string ends the text before it", async ({ page }) => {
  await load(page, PATH);
  const stop = "little girl";
  const { value } = await write(page, "", { maxTokens: 200, stop: [stop] });
  expect(value?.text).toBe(STORY.slice(0, STORY.indexOf(stop)));
  expect(value?.last.finishReason).toBe("stop");
});

test("breaking off and aborting leave a model that goes on as before", async ({ page }) => {
  await load(page, PATH);
  const outcome = await page.evaluate(async () => {
    let broken = "";
    for await (const part of model.generate("", { temperature: 0 })) {
      broken += part.text;
      if (broken.length > 20) break;
    }
    const abort = new AbortController();
    let aborted = "";
    let error: unknown;
    try {
      for await (const part of model.generate("", { temperature: 0, signal: abort.signal })) {
        aborted += part.text;
        if (aborted.length > 20) abort.abort();
      }
    } catch (thrown) {
      error = thrown;
    }
    const { name, code } = error as { name: string; code: string };
    return { broken, aborted, name, code };
  });
  expect(STORY.startsWith(outcome.broken)).toBe(true);
  expect(STORY.startsWith(outcome.aborted)).toBe(true);
  expect(outcome).toMatchObject({ name: "AbortError", code: "E_ABORTED" });
  expect((await write(page, "", { maxTokens: 200 })).value?.text).toBe(STORY);
});

test("replies asked for at once come one after the other, and other calls meanwhile", async ({ page }) => {
  await load(page, PATH);
  const { texts, tokens } = await page.evaluate(async () => {
    const read = async () => {
      let text = "";
      for await (const part of model.generate("", { temperature: 0, maxTokens: 30 })) text += part.text;
      return text;
    };
    const tokens = async () => {
      const counts: number[] = [];
      for (let i = 0; i < 20; i++)
        counts.push((await model.tokenize("Lily")).length, (await model.stats()).steps);
      return counts.length;
    };
    const [one, two, counts] = await Promise.all([read(), read(), tokens()]);
    return { texts: [one, two], tokens: counts };
  });
  expect(texts[0]).toBe(texts[1]);
  expect(STORY.startsWith(texts[0] ?? "-")).toBe(true);
  expect(tokens).toBe(40);
});

test("aborting a load leaves what was stored, and loading goes on", async ({ page, server }) => {
  const chunkBytes = 64 * 1024;
  server.change(PATH, { stallAt: 9 * chunkBytes });
  const code = await page.evaluate(
    async ([url, chunkBytes]) => {
      const abort = new AbortController();
      const onProgress = (p: { loaded: number }) => {
        if (p.loaded >= 9 * chunkBytes) abort.abort();
      };
      try {
        await sotto.loadModel(url, { signal: abort.signal, onProgress, chunkBytes });
      } catch (error) {
        return (error as { code: string }).code;
      }
      return "loaded";
    },
    [PATH, chunkBytes] as const,
  );
  expect(code).toBe("E_ABORTED");
  server.change(PATH, { stallAt: undefined });
  server.forget();
  expect((await load(page, PATH)).code).toBeUndefined();
  // One question for the version, and the missing ones of 17 chunks; of the nine that came, the last four may be lost.
  expect(server.requests(PATH).length).toBeLessThanOrEqual(1 + 17 - 5);
  expect((await write(page, "", { maxTokens: 200 })).value?.text).toBe(STORY);
});

test("unloading frees the model; what runs ends, and later calls say so", async ({ page }) => {
  await load(page, PATH);
  const codes = await page.evaluate(async () => {
    const running = (async () => {
      for await (const part of model.generate("", { temperature: 0, ignoreEos: true })) {
        if (part.text !== "") void model.unload();
      }
    })();
    const code = (work: Promise<unknown>) =>
      work.then(
        () => "none",
        (error: unknown) => (error as { code: string }).code,
      );
    const codes = [await code(running), await code(model.tokenize("a")), await code(model.stats())];
    await model.unload();
    return codes;
  });
  expect(codes).toEqual(["E_ABORTED", "E_INVALID_ARGUMENT", "E_INVALID_ARGUMENT"]);
  expect((await load(page, PATH)).code).toBeUndefined();
});

test("a model from a File is not copied into the store", async ({ page, server }) => {
  for (const worker of [true, false]) {
    const text = await page.evaluate(
      async ([url, worker]) => {
        const bytes = await (await fetch(url)).arrayBuffer();
        const model = await sotto.loadModel(new File([bytes], "stories.gguf"), { worker });
        let text = "";
        for await (const part of model.generate("", { temperature: 0, maxTokens: 200 })) text += part.text;
        await model[Symbol.asyncDispose]();
        return text;
      },
      [PATH, worker] as const,
    );
    expect(text).toBe(STORY);
  }
  expect(server.requests(PATH)).toHaveLength(2);
  expect(await page.evaluate(() => sotto.listModels())).toEqual([]);
});

test("stored models are listed and deleted", async ({ page, server }) => {
  await load(page, PATH);
  const [listed] = await page.evaluate(() => sotto.listModels());
  expect(listed).toMatchObject({
    id: server.origin + PATH,
    name: "stories.gguf",
    bytes: STORIES.length,
    storedBytes: STORIES.length,
    complete: true,
  });
  const use = await page.evaluate(() => sotto.storageEstimate());
  expect(use.usage).toBeGreaterThan(STORIES.length);
  expect(await page.evaluate((url) => sotto.deleteModel(url), PATH)).toBe(true);
  expect(await page.evaluate(() => sotto.listModels())).toEqual([]);
  // The loaded model does not need the store.
  expect((await write(page, "", { maxTokens: 200 })).value?.text).toBe(STORY);
});

test("a conversation goes through the model's template, streamed or whole", async ({ page, server }) => {
  const template = "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}";
  const url = server.put("/m/chat.gguf", {
    bytes: withMetadata(STORIES, "tokenizer.chat_template", template),
  });
  expect((await load(page, url)).value).toMatchObject({ chatTemplate: true });
  const plain = (await write(page, "Once upon a time", { maxTokens: 30 })).value;
  const { whole, streamed, usage } = await page.evaluate(async () => {
    const request = {
      messages: [{ role: "user" as const, content: "Once upon a time" }],
      temperature: 0,
      max_completion_tokens: 30,
    };
    const whole = await model.chat.completions.create(request);
    let streamed = "";
    let usage: unknown;
    const stream = { ...request, stream: true as const, stream_options: { include_usage: true } };
    for await (const chunk of await model.chat.completions.create(stream)) {
      streamed += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    return { whole, streamed, usage };
  });
  expect(whole.choices[0]?.message.content).toBe(plain?.text);
  expect(streamed).toBe(plain?.text);
  expect(whole.usage).toEqual(usage);
  expect(whole.usage.completion_tokens).toBe(30);
});

test("drafts change no chat's text, and some are right where the text repeats itself", async ({
  page,
  server,
}) => {
  const template = "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}";
  const url = server.put("/m/chat.gguf", {
    bytes: withMetadata(STORIES, "tokenizer.chat_template", template),
  });
  for (const device of ["webgpu", "cpu"] as const) {
    expect((await load(page, url, { device })).value).toMatchObject({ chatTemplate: true });
    const replies = await page.evaluate(async () => {
      const content = "Lily saw a big red ball. ".repeat(6);
      const replies = [];
      for (const speculate of [false, true]) {
        const reply = await model.chat.completions.create({
          messages: [{ role: "user", content }],
          temperature: 0,
          max_completion_tokens: 40,
          speculate,
        });
        replies.push({ text: reply.choices[0]?.message.content, stats: await model.stats() });
      }
      return replies;
    });
    const [plain, drafted] = replies;
    expect(drafted?.text).toBe(plain?.text);
    expect(plain?.stats.drafted).toBe(0);
    expect(drafted?.stats.accepted).toBeGreaterThan(0);
    expect(drafted?.stats.accepted).toBeLessThanOrEqual(drafted?.stats.drafted ?? 0);
  }
});

test("a second model's drafts change no reply; one with other tokens is refused before its weights", async ({
  page,
  server,
}) => {
  const [draft, other] = ["/m/draft.gguf", "/m/other.gguf"];
  server.put(draft, { bytes: HALF });
  server.put(other, { bytes: QUANTISED });
  for (const device of ["webgpu", "cpu"] as const) {
    await load(page, PATH, { device });
    const alone = await page.evaluate(async () => (await model.stats()).deviceBytes);
    expect((await load(page, PATH, { device, draft })).code).toBeUndefined();
    for (const speculate of [undefined, false]) {
      expect((await write(page, "", { maxTokens: 200, speculate })).value?.text).toBe(STORY);
      const stats = await page.evaluate(() => model.stats());
      if (speculate === undefined) {
        expect(stats.accepted).toBeGreaterThan(100);
        expect(stats.steps).toBeLessThan(100);
      }
      expect(stats.deviceBytes).toBeGreaterThan(1.3 * alone);
    }
    const { code, message } = await load(page, PATH, { device, draft: other });
    expect(code).toBe("E_INVALID_ARGUMENT");
    expect(message).toContain("105 tokens and not 512");
  }
  const totals = await page.evaluate(
    async ([path, draft]) => {
      const options = { device: "cpu" } as const;
      const told = [
        await sotto.inspectModel(path, options),
        await sotto.inspectModel(draft, options),
        await sotto.inspectModel(path, { ...options, draft }),
      ];
      return told.map(({ downloadBytes, memory }) => [downloadBytes, memory[0]?.totalBytes ?? 0]);
    },
    [PATH, draft] as const,
  );
  const [its = [], drafts = [], both = []] = totals;
  expect(both).toEqual(its.map((bytes, index) => bytes + (drafts[index] ?? 0)));
});

test("two tabs load one model at the same time and both write", async ({ page, server, context }) => {
  server.change(PATH, { slow: 3 });
  const other = await context.newPage();
  await openModelPage(other, server);
  const options = { chunkBytes: 64 * 1024 };
  await Promise.all([load(page, PATH, options), load(other, PATH, options)]);
  expect(server.requests(PATH)).toHaveLength(17);
  for (const tab of [page, other]) expect((await write(tab, "", { maxTokens: 200 })).value?.text).toBe(STORY);
});
