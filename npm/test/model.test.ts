import assert from "node:assert/strict";
import { test } from "node:test";
import { SottoError } from "../src/errors.js";
import type { ModelHost } from "../src/host.js";
import { Model } from "../src/model.js";
import type { EngineGenerateOptions } from "../src/wasm-api.js";

interface Asked {
  prompt?: string | Uint32Array;
  options?: EngineGenerateOptions;
  ids?: Uint32Array;
}

/** A model whose host only records what it is asked. */
function modelOf(): { model: Model; asked: Asked } {
  const asked: Asked = {};
  const host = {
    generate: async function* (prompt: string | Uint32Array, options: EngineGenerateOptions) {
      await Promise.resolve();
      Object.assign(asked, { prompt, options });
      yield { text: "", ids: [], done: true };
    },
    detokenize: (ids: Uint32Array) => {
      asked.ids = ids;
      return Promise.resolve("");
    },
  };
  const loaded = { info: {}, device: {}, contextLength: 8 };
  return { model: new Model(host as unknown as ModelHost, loaded as never), asked };
}

const invalid = (error: unknown) => error instanceof SottoError && error.code === "E_INVALID_ARGUMENT";

test("what is neither text nor token ids is refused at once, not taken for an empty prompt", async () => {
  const { model } = modelOf();
  const wrong = [
    undefined,
    null,
    42,
    {},
    { length: "1" },
    true,
    () => [1],
    [1.5],
    [-1],
    ["1"],
    [2 ** 32],
    [1n],
  ];
  for (const [at, value] of wrong.entries()) {
    assert.throws(() => model.generate(value as never), invalid, `value ${at}`);
    await assert.rejects(model.detokenize(value as never), invalid, `value ${at}`);
  }
  await assert.rejects(model.detokenize("12" as never), invalid);
});

test("token ids come in any kind of array", async () => {
  const { model, asked } = modelOf();
  for (const ids of [[1, 2], new Uint16Array([1, 2]), { length: 2, 0: 1, 1: 2 }, new Proxy([1, 2], {})]) {
    await model.generate(ids).next();
    assert.deepEqual(asked.prompt, new Uint32Array([1, 2]));
    await model.detokenize(ids);
    assert.deepEqual(asked.ids, new Uint32Array([1, 2]));
  }
});

test("more tokens than the engine can count to are as many as it can", async () => {
  const { model, asked } = modelOf();
  for (const maxTokens of [2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    await model.generate("", { maxTokens }).next();
    assert.equal(asked.options?.maxTokens, 2 ** 32 - 1);
  }
  await model.generate("").next();
  assert.ok(asked.options && !("maxTokens" in asked.options));
});

test("stop strings in a proxy, as frameworks make them, go on as a plain array", async () => {
  const { model, asked } = modelOf();
  await model.generate("", { stop: new Proxy(["a"], {}) }).next();
  assert.deepEqual(structuredClone(asked.options?.stop), ["a"]);
});

test("without a seed each reply has one of its own", async () => {
  const { model, asked } = modelOf();
  const seeds = new Set<unknown>();
  for (let i = 0; i < 4; i++) {
    await model.generate("").next();
    seeds.add(asked.options?.seed);
  }
  assert.equal(seeds.size, 4);
  await model.generate("", { seed: 7 }).next();
  assert.equal(asked.options?.seed, 7);
});
