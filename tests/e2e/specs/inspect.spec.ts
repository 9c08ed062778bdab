/** What is known of a model before its weights are fetched, and what is refused then. */
import type { Page } from "@playwright/test";
import type * as Sotto from "sotto";
import { STORIES } from "../harness/fixtures.ts";
import { folderFiles, serveFolder } from "../harness/folders.ts";
import { load, type Outcome, openModelPage, write } from "../harness/model.ts";
import type { TestServer } from "../server/server.ts";
import { expect, test } from "../harness/test.ts";

const json = (value: unknown) => ({ bytes: new TextEncoder().encode(JSON.stringify(value)) });

function inspect(
  page: Page,
  source: string,
  options: Omit<Sotto.InspectOptions, "signal" | "draft"> = {},
): Promise<Outcome<Sotto.ModelInspection>> {
  return page.evaluate(
    async ([source, options]) => {
      try {
        return { value: await sotto.inspectModel(source, options) };
      } catch (error) {
        if (!(error instanceof sotto.SottoError)) throw error;
        return { code: error.code, message: error.message };
      }
    },
    [source, options] as const,
  );
}

/** Serves a folder with some of its settings changed. */
function serveChanged(
  server: TestServer,
  name: string,
  path: string,
  settings: Record<string, unknown>,
): void {
  serveFolder(server, name, path);
  const config = folderFiles(name).find((file) => file.name === "config.json")?.bytes;
  const known = JSON.parse(new TextDecoder().decode(config)) as Record<string, unknown>;
  server.put(`${path}config.json`, json({ ...known, ...settings }));
}

test.beforeEach(async ({ page, server }) => {
  await openModelPage(page, server);
});

test("a model is told by its header alone, and nothing is stored", async ({ page, server }) => {
  server.put("/m/stories.gguf", { bytes: STORIES });
  const { value, message } = await inspect(page, "/m/stories.gguf", { device: "cpu" });
  expect(value, message).toMatchObject({
    architecture: "llama",
    quantization: "F32",
    contextLength: 512,
    layers: 5,
    downloadBytes: STORIES.length,
    device: { backend: "cpu", software: false },
  });
  expect(value?.memory.map(({ contextLength }) => contextLength)).toEqual([2048, 4096, 8192, 32768]);
  for (const need of value?.memory ?? []) {
    expect(need.totalBytes).toBe(need.weightBytes + need.cacheBytes + need.activationBytes);
    // It was made for 512.
    expect(need).toMatchObject({ fits: false, problem: expect.stringContaining("512") });
  }
  expect(server.requests("/m/stories.gguf").map(({ range }) => range)).toEqual(["bytes=0-65535"]);
  expect(await page.evaluate(() => sotto.listModels())).toEqual([]);

  // Of a stored model everything is known.
  await load(page, "/m/stories.gguf", { device: "cpu" });
  server.forget();
  expect((await inspect(page, "/m/stories.gguf")).value).toMatchObject({ architecture: "llama" });
  expect(server.requestsUnder("/m/")).toEqual([]);
});

test("a GPU gets the kernels that suit its maker's", async ({ page, server }) => {
  server.put("/m/stories.gguf", { bytes: STORIES });
  // As browsers tell of GPUs; the subgroups are SwiftShader's, of 4, which none of these kernels takes.
  for (const [vendor, architecture, tuning] of [
    ["", "", "8/256/64kmieht"],
    ["nvidia", "lovelace", "8/256/64kmieht"],
    ["apple", "metal-3", "8/64/16kmetx"],
    ["intel", "gen-9", "8/128/8kmetx"],
    ["qualcomm", "adreno-7xx", "8/64/8kmetx"],
  ] as const) {
    await page.evaluate(
      (told) => {
        for (const [name, value] of Object.entries(told))
          Object.defineProperty(GPUAdapterInfo.prototype, name, { get: () => value, configurable: true });
      },
      { vendor, architecture, description: "", isFallbackAdapter: false },
    );
    const { value, message } = await inspect(page, "/m/stories.gguf", { device: "webgpu", worker: false });
    expect(value?.device, message).toMatchObject({ backend: "webgpu", software: false, tuning });
  }
});

test("what is told is what a loaded model takes, on both devices", async ({ page, server }) => {
  serveChanged(server, "qwen3", "/m/x/", { max_position_embeddings: 40_960 });
  server.put("/m/x/README.md", { bytes: new TextEncoder().encode("---\nlicense: apache-2.0\n---\n") });
  for (const quantize of [undefined, "Q8_0"] as const) {
    for (const device of ["cpu", "webgpu"] as const) {
      server.forget();
      const options = { device, ...(quantize && { quantize }) };
      const told = await inspect(page, "/m/x/", options);
      expect(told.value, told.message).toMatchObject({ architecture: "qwen3", licence: "apache-2.0" });
      const [need] = told.value?.memory ?? [];
      expect(need).toMatchObject({ contextLength: 2048, fits: true });
      await load(page, "/m/x/", { ...options, contextLength: 2048 });
      const { deviceBytes } = await page.evaluate(() => model.stats());
      const { weightBytes = 0, cacheBytes = 0, totalBytes = 0 } = need ?? {};
      // The processor's caches are whole from the start; a GPU's begin with half of these positions.
      expect(deviceBytes).toBe(device === "cpu" ? weightBytes + cacheBytes : totalBytes - cacheBytes / 2);
      await page.evaluate(() => model.unload());
    }
  }
});

test("what cannot fit is E_OUT_OF_MEMORY with numbers before any weights are fetched", async ({
  page,
  server,
}) => {
  const [dim, hidden, layers, kv] = [4096, 14_336, 24, 1024];
  serveChanged(server, "llama", "/m/big/", {
    hidden_size: dim,
    intermediate_size: hidden,
    num_hidden_layers: layers,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    head_dim: 128,
    tie_word_embeddings: true,
    max_position_embeddings: 8192,
  });
  const tokenizer = folderFiles("llama").find(({ name }) => name === "config.json")?.bytes;
  const { vocab_size: vocab } = JSON.parse(new TextDecoder().decode(tokenizer)) as { vocab_size: number };
  const shapes: Record<string, number[]> = {
    "model.embed_tokens.weight": [vocab, dim],
    "model.norm.weight": [dim],
  };
  for (let layer = 0; layer < layers; layer++) {
    const of = (name: string) => `model.layers.${layer}.${name}.weight`;
    shapes[of("input_layernorm")] = shapes[of("post_attention_layernorm")] = [dim];
    shapes[of("self_attn.q_proj")] = shapes[of("self_attn.o_proj")] = [dim, dim];
    shapes[of("self_attn.k_proj")] = shapes[of("self_attn.v_proj")] = [kv, dim];
    shapes[of("mlp.gate_proj")] = shapes[of("mlp.up_proj")] = [hidden, dim];
    shapes[of("mlp.down_proj")] = [dim, hidden];
  }
  let end = 0;
  const header: Record<string, unknown> = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const begin = end;
    end += 2 * shape.reduce((product, size) => product * size, 1);
    header[name] = { dtype: "BF16", shape, data_offsets: [begin, end] };
  }
  const { bytes: text } = json(header);
  const bytes = new Uint8Array(Math.max(65_536, 8 + text.length));
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  const weights = "/m/big/model.safetensors";
  server.put("/m/big/model.safetensors.index.json", { bytes, status: 404 });
  server.put(weights, { bytes, length: 8 + text.length + end });

  const failed = await load(page, "/m/big/", { device: "cpu" });
  expect(failed.code, failed.message).toBe("E_OUT_OF_MEMORY");
  // Bytes needed and bytes there can be.
  expect(failed.message).toMatch(/\d{11} bytes.* \d{10} can be had/);
  const told = await inspect(page, "/m/big/", { device: "cpu" });
  expect(told.value, told.message).toMatchObject({ parameters: expect.any(Number), licence: null });
  expect(told.value?.memory.every(({ fits, problem }) => !fits && problem)).toBe(true);
  // Four bits of it fit where sixteen do not.
  const small = await inspect(page, "/m/big/", { device: "cpu", quantize: "Q4_0" });
  expect(small.value?.memory[0]).toMatchObject({ fits: true });
  expect(server.requests(weights).every(({ range }) => range === "bytes=0-65535")).toBe(true);
});

test("what contradicts itself, and what is unknown, is an error here too", async ({ page, server }) => {
  serveChanged(server, "qwen3", "/m/x/", { num_hidden_layers: 9 });
  expect((await inspect(page, "/m/x/")).code).toBe("E_MODEL_FORMAT");
  serveChanged(server, "qwen3", "/m/x/", { model_type: "martian" });
  expect((await inspect(page, "/m/x/")).code).toBe("E_UNSUPPORTED_ARCH");
  expect((await inspect(page, "/m/nothing.gguf")).code).toBe("E_NETWORK");
  const wrong = await inspect(page, "/m/x/", { store: true } as never);
  expect(wrong).toMatchObject({
    code: "E_INVALID_ARGUMENT",
    message: expect.stringContaining("store"),
  });
});

test("a reply is sampled as the model's authors state it, unless the caller says otherwise", async ({
  page,
  server,
}) => {
  serveFolder(server, "qwen3", "/m/x/");
  const plain = { temperature: undefined, maxTokens: 12, ignoreEos: true };
  const write3 = async (options: Sotto.GenerateOptions = {}) => {
    const texts = [1, 2, 3].map((seed) => () => write(page, "a", { ...plain, seed, ...options }));
    const ids = [];
    for (const text of texts) ids.push((await text()).value?.ids.join());
    return ids;
  };
  await load(page, "/m/x/", { device: "cpu" });
  const [greedy] = await write3({ temperature: 0 });
  expect(new Set(await write3()).size).toBe(3);
  await page.evaluate(() => model.unload());
  for (const [config, sampling] of [
    [{ do_sample: false }, { temperature: 0 }],
    [
      { do_sample: true, temperature: 1.5, top_k: 1 },
      { temperature: 1.5, topK: 1 },
    ],
  ] as const) {
    server.put("/m/x/generation_config.json", json({ ...config, eos_token_id: [2, 5] }));
    const loaded = await load(page, "/m/x/", { device: "cpu", revalidate: true });
    expect(loaded.value?.sampling).toEqual(sampling);
    expect(await write3()).toEqual([greedy, greedy, greedy]);
    expect(new Set(await write3({ temperature: 1, topK: 0 })).size).toBe(3);
    await page.evaluate(() => model.unload());
  }
});
