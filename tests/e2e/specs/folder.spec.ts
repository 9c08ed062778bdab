/** Folders of safetensors, and repositories, as they are published. */
import { HALF, STORIES } from "../harness/fixtures.ts";
import {
  distance,
  folderFiles,
  folderPath,
  likeliest,
  reference,
  serveFolder,
  serveRepository,
} from "../harness/folders.ts";
import { load, openModelPage } from "../harness/model.ts";
import { expect, test } from "../harness/test.ts";

/** Two tokens may change places where they are nearer to each other than twice the error that a logit may have. */
const BOUND = 2 * 2e-2;
const FOLDER = "/m/llama/";
const SHARDS = [1, 2, 3].map((part) => `${FOLDER}model-0000${part}-of-00003.safetensors`);

test.beforeEach(async ({ page, server }) => {
  await openModelPage(page, server);
});

test("a folder's model finds likeliest what transformers does, and then comes from the store", async ({
  page,
  server,
}) => {
  serveFolder(server, "llama", FOLDER);
  const { ids, logits } = reference("llama");
  for (const address of [FOLDER, `${FOLDER}config.json`, `${FOLDER}model.safetensors.index.json`]) {
    server.forget();
    const device = address === FOLDER ? "webgpu" : "cpu";
    const loaded = await load(page, address, { device, chunkBytes: 16 * 1024 });
    expect(loaded.value, loaded.message).toMatchObject({
      architecture: "llama",
      files: 3,
      chatTemplate: true,
    });
    if (address === FOLDER) {
      for (const shard of SHARDS) {
        const ranges = server.requests(shard).map((seen) => seen.range);
        expect(new Set(ranges).size, shard).toBe(ranges.length);
      }
      expect(distance(await likeliest(page, ids.slice(0, 12)), logits)).toBeLessThanOrEqual(BOUND);
    } else expect(server.requestsUnder("/m/")).toEqual([]);
    await page.evaluate(() => model.unload());
  }
  const stored = await page.evaluate(() => sotto.listModels());
  expect(stored).toMatchObject([{ id: server.origin + FOLDER, name: "llama", complete: true }]);
  expect(stored[0]?.storedBytes).toBe(stored[0]?.bytes);
  expect(await page.evaluate(() => sotto.deleteModel("/m/llama/"))).toBe(true);
});

test("an address that does not say what it is may be a folder's", async ({ page, server }) => {
  serveFolder(server, "llama", FOLDER);
  expect((await load(page, "/m/llama", { device: "cpu" })).value).toMatchObject({ architecture: "llama" });
  server.put("/m/stories", { bytes: STORIES });
  expect((await load(page, "/m/stories", { device: "cpu" })).value).toMatchObject({ layers: 5 });
  server.forget();
  for (const address of ["/m/llama", "/m/stories"]) await load(page, address, { device: "cpu" });
  expect(server.requestsUnder("/m/")).toEqual([]);
});

// Small pieces, so that what makes a tensor lies in several of them.
for (const name of [
  "qwen3",
  "phi3",
  "mlx-4bit",
  "gptq-act-order",
  "awq",
  "nf4-nested",
  "gpt-oss",
  "qwen3moe",
  "mlx-mxfp4",
  "mlx-qwen3.5",
]) {
  for (const store of [true, false]) {
    test(`${name} is read by parts as its own tools read it, ${store ? "and stored" : "unstored"}`, async ({
      page,
      server,
    }) => {
      serveFolder(server, name, "/m/x/");
      const { ids, logits } = reference(name);
      const options = { device: "cpu", kvType: "f32", chunkBytes: 4096, store } as const;
      const loaded = await load(page, "/m/x/", options);
      expect(loaded.message).toBeUndefined();
      expect(distance(await likeliest(page, ids.slice(0, 8)), logits)).toBeLessThanOrEqual(BOUND);
      server.forget();
      await load(page, "/m/x/", options);
      if (store) expect(server.requestsUnder("/m/")).toEqual([]);
    });
  }
}

test("what linear attention remembers goes on from step to step, and from reply to reply", async ({
  page,
  server,
}) => {
  serveFolder(server, "qwen3.5", "/m/x/");
  const { ids, logits } = reference("qwen3.5");
  for (const device of ["cpu", "webgpu"] as const) {
    const loaded = await load(page, "/m/x/", { device, chunkBytes: 32 * 1024 });
    expect(loaded.value, loaded.message).toMatchObject({ architecture: "qwen35" });
    expect(distance(await likeliest(page, ids.slice(0, 12)), logits)).toBeLessThanOrEqual(BOUND);
    const replies = await page.evaluate(async (prompt) => {
      const reply = async (ids: number[], maxTokens: number) => {
        const reply: number[] = [];
        for await (const part of model.generate(ids, { temperature: 0, maxTokens, ignoreEos: true })) {
          reply.push(...part.ids);
        }
        return reply;
      };
      const whole = await reply(prompt, 12);
      const begun = await reply(prompt, 7);
      return { whole, parts: [...begun, ...(await reply([...prompt, ...begun], 5))] };
    }, ids);
    expect(replies.parts).toEqual(replies.whole);
  }
});

test("weights are quantised as they load", async ({ page, server }) => {
  serveFolder(server, "qwen3", "/m/x/");
  const { ids, logits } = reference("qwen3");
  for (const device of ["cpu", "webgpu"] as const) {
    const loaded = await load(page, "/m/x/", { quantize: "Q8_0", device, chunkBytes: 32 * 1024 });
    expect(loaded.value, loaded.message).toMatchObject({ quantization: "Q8_0" });
    // Eight bits are near, and not the same.
    expect(distance(await likeliest(page, ids), logits)).toBeLessThanOrEqual(0.1);
  }
  const { code, message } = await load(page, "/m/x/", { quantize: "Q9_9" as "Q8_0" });
  expect(code).toBe("E_INVALID_ARGUMENT");
  expect(message).toContain("quantize");
});

test("a GGUF's weights are quantised as they load too", async ({ page, server }) => {
  server.put("/m/half.gguf", { bytes: HALF });
  const plain = await load(page, "/m/half.gguf", { chunkBytes: 64 * 1024 });
  const loaded = await load(page, "/m/half.gguf", { quantize: "Q4_0", chunkBytes: 64 * 1024 });
  expect(loaded.message).toBeUndefined();
  // Of 64 columns the matrices can be, of 172 they cannot.
  expect(loaded.value?.weightBytes).toBeLessThan(0.8 * (plain.value?.weightBytes ?? 0));
});

test("a repository without GGUF files gives its safetensors, and is asked once", async ({ page, server }) => {
  const files = folderFiles("qwen3").map(({ name }) => name);
  serveFolder(server, "qwen3", "/o/tiny/resolve/main/");
  serveFolder(server, "llama", "/o/tiny/resolve/v1/");
  serveRepository(server, "o/tiny", [...files, "onnx/model.onnx", ".gitattributes"]);
  const options = { device: "cpu", hfEndpoint: server.origin } as const;
  expect((await load(page, "hf:o/tiny", options)).value).toMatchObject({ architecture: "qwen3" });
  // What is not listed is not asked for.
  expect(server.requestsUnder("/o/").every(({ path }) => files.includes(path.split("/").at(-1) ?? ""))).toBe(
    true,
  );
  const [stored] = await page.evaluate(() => sotto.listModels());
  expect(stored).toMatchObject({ id: `${server.origin}/o/tiny`, name: "o/tiny", complete: true });
  server.forget();
  for (const name of ["hf:o/tiny", stored?.id ?? ""]) {
    expect((await load(page, name, options)).value).toMatchObject({ architecture: "qwen3" });
  }
  expect(server.requestsUnder("/o/")).toEqual([]);
  expect(server.requestsUnder("/api/")).toEqual([]);
  // A server without lists is asked for the files themselves.
  expect((await load(page, "hf:o/tiny@v1", options)).value).toMatchObject({ architecture: "llama" });
  expect(server.requests("/api/models/o/tiny/revision/v1")).toHaveLength(1);
});

test("of a repository's GGUF files a four-bit one is taken", async ({ page, server }) => {
  serveRepository(server, "o/tiny-GGUF", [
    "README.md",
    "tiny-F16.gguf",
    "tiny-Q4_K_M.gguf",
    "tiny-Q8_0.gguf",
  ]);
  server.put("/o/tiny-GGUF/resolve/main/tiny-Q4_K_M.gguf", { bytes: STORIES });
  const loaded = await load(page, "hf:o/tiny-GGUF", { device: "cpu", hfEndpoint: server.origin });
  expect(loaded.value, loaded.message).toMatchObject({ layers: 5 });
});

test("a repository without a model says what it has", async ({ page, server }) => {
  serveRepository(server, "o/none", ["README.md", "pytorch_model.bin"]);
  const { code, message } = await load(page, "hf:o/none", { hfEndpoint: server.origin });
  expect(code).toBe("E_MODEL_FORMAT");
  expect(message).toContain("pytorch_model.bin");
});

test("a picked folder, its files, and its handle are read where they are", async ({ page }) => {
  await page.evaluate(() => {
    const input = Object.assign(document.createElement("input"), { type: "file", webkitdirectory: true });
    document.body.append(input);
  });
  await page.locator("input").setInputFiles(folderPath("llama"));
  const { ids, logits } = reference("llama");
  for (const how of ["list", "array", "handle"] as const) {
    const architecture = await page.evaluate(async (how) => {
      const list = document.querySelector("input")?.files;
      if (!list) throw new Error("nothing was picked");
      const plain = Array.from(list, (file) => new File([file], file.name));
      const handle = async () => {
        const folder = await navigator.storage.getDirectory();
        for (const file of plain) {
          const writable = await (await folder.getFileHandle(file.name, { create: true })).createWritable();
          await writable.write(file);
          await writable.close();
        }
        return folder;
      };
      const source = how === "list" ? list : how === "array" ? plain : await handle();
      globalThis.model = await sotto.loadModel(source, { device: "cpu", chunkBytes: 16 * 1024 });
      return model.info.architecture;
    }, how);
    expect(architecture).toBe("llama");
    expect(distance(await likeliest(page, ids), logits)).toBeLessThanOrEqual(BOUND);
    await page.evaluate(() => model.unload());
  }
  expect(await page.evaluate(() => sotto.listModels())).toEqual([]);
});

test("settings that contradict the tensors are named before any weights are fetched", async ({
  page,
  server,
}) => {
  const fails = async (config: (text: string) => string, code: string, says: string[]) => {
    serveFolder(server, "qwen3", "/m/x/");
    const text = new TextDecoder().decode(
      folderFiles("qwen3").find(({ name }) => name === "config.json")?.bytes,
    );
    expect(config(text)).not.toBe(text);
    server.put("/m/x/config.json", { bytes: new TextEncoder().encode(config(text)) });
    server.forget();
    const failed = await load(page, "/m/x/");
    expect(failed.code, failed.message).toBe(code);
    for (const word of says) expect(failed.message).toContain(word);
    const asked = server.requests("/m/x/model.safetensors").map(({ range }) => range);
    expect(asked.filter((range) => range !== "bytes=0-0")).toEqual(["bytes=0-65535"]);
  };
  const change = (from: RegExp, to: string) => (text: string) => text.replace(from, to);
  await fails(change(/"head_dim": \d+/, '"head_dim": 8'), "E_MODEL_FORMAT", ["attn_"]);
  await fails(change(/"num_hidden_layers": \d+/, '"num_hidden_layers": 9'), "E_MODEL_FORMAT", ["blk."]);
  await fails(change(/"model_type": "\w+"/, '"model_type": "martian"'), "E_UNSUPPORTED_ARCH", [
    "martian",
    "llama",
  ]);
});

test("what is missing from a folder is named", async ({ page, server }) => {
  serveFolder(server, "llama", FOLDER);
  server.change(`${FOLDER}tokenizer.json`, { status: 404 });
  expect(await load(page, FOLDER)).toMatchObject({
    code: "E_MODEL_FORMAT",
    message: expect.stringContaining("tokenizer.json"),
  });
  serveFolder(server, "llama", FOLDER);
  server.change(SHARDS[1] ?? "", { status: 404 });
  expect(await load(page, FOLDER, { revalidate: true })).toMatchObject({
    code: "E_NETWORK",
    message: expect.stringContaining("00002-of-00003"),
  });
  expect(await load(page, "/m/nothing/")).toMatchObject({
    code: "E_NETWORK",
    message: expect.stringContaining("config.json"),
  });
});

test("a folder's download goes on where it broke", async ({ page, server }) => {
  serveFolder(server, "llama", FOLDER);
  server.change(SHARDS[1] ?? "", { cutAt: 80_000 });
  const options = { device: "cpu", chunkBytes: 8192 } as const;
  expect((await load(page, FOLDER, options)).code).toBe("E_NETWORK");
  server.change(SHARDS[1] ?? "", { cuts: 0 });
  server.forget();
  const { ids, logits } = reference("llama");
  expect((await load(page, FOLDER, options)).message).toBeUndefined();
  expect(distance(await likeliest(page, ids), logits)).toBeLessThanOrEqual(BOUND);
  // Ten of the second shard's eleven pieces were there, and of the first all; the server is asked for its version.
  expect(server.requests(SHARDS[0] ?? "")).toEqual([]);
  expect(server.requests(SHARDS[1] ?? "").length).toBeLessThanOrEqual(4);
  expect(server.requests(`${FOLDER}tokenizer.json`)).toEqual([]);
});

test("an update fetches what changed", async ({ page, server }) => {
  serveFolder(server, "llama", FOLDER);
  await load(page, FOLDER, { device: "cpu" });
  server.put(`${FOLDER}chat_template.jinja`, { bytes: new TextEncoder().encode("newer") });
  server.put(`${FOLDER}README.md`, { bytes: new TextEncoder().encode("---\nlicense: mit\n---\n# Tiny\n") });
  server.forget();
  const loaded = await load(page, FOLDER, { device: "cpu", revalidate: true });
  expect(loaded.value, loaded.message).toMatchObject({ licence: "mit" });
  for (const shard of SHARDS) {
    expect(server.requests(shard).every(({ range }) => range === "bytes=0-0")).toBe(true);
  }
});
