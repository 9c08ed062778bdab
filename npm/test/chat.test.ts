import assert from "node:assert/strict";
import { test } from "node:test";
import { Chat } from "../src/chat.js";
import type { ChatCompletionRequest } from "../src/chat-types.js";
import { SottoError } from "../src/errors.js";
import type { GeneratedPart } from "../src/host.js";
import type { GenerateOptions } from "../src/model.js";
import type { ModelInfo } from "../src/wasm-api.js";

const INFO: ModelInfo = {
  architecture: "llama",
  name: "Small",
  licence: null,
  parameters: 1,
  task: "generate",
  contextLength: 64,
  vocabSize: 8,
  layers: 1,
  quantization: "F32",
  weightBytes: 4,
  chatTemplate: true,
  sampling: {},
  files: 1,
  headerBytes: 1,
  dataBytes: [1],
};

/** A chat whose replies are given; it records what the model is asked. */
function chatOf(parts: GeneratedPart[], info: Partial<ModelInfo> = {}) {
  const asked: { messages: unknown[]; prompt: string; options: GenerateOptions } = {
    messages: [],
    prompt: "",
    options: {},
  };
  const chat = new Chat({
    info: { ...INFO, ...info },
    render: (messages) => {
      asked.messages = messages;
      return Promise.resolve("<rendered>");
    },
    generate: async function* (prompt, options) {
      await Promise.resolve();
      Object.assign(asked, { prompt, options });
      yield* parts;
    },
  });
  return { create: chat.completions.create.bind(chat.completions), asked };
}

const REPLY: GeneratedPart[] = [
  { text: "Hel", ids: [1], done: false },
  { text: "", ids: [2], done: false },
  {
    text: "lo",
    ids: [3],
    done: true,
    finishReason: "length",
    usage: { promptTokens: 5, generatedTokens: 3 },
  },
];
const messages: ChatCompletionRequest["messages"] = [{ role: "user", content: "Hi" }];
const usage = { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 };

test("a whole reply has OpenAI's shape", async () => {
  const { create, asked } = chatOf(REPLY);
  const { id, created, ...rest } = await create({ messages });
  assert.match(id, /^chatcmpl-\w{32}$/);
  assert.ok(Math.abs(created - Date.now() / 1000) < 10);
  assert.deepEqual(rest, {
    object: "chat.completion",
    model: "Small",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: "Hello", refusal: null },
        finish_reason: "length",
        logprobs: null,
      },
    ],
    usage,
  });
  assert.equal(asked.prompt, "<rendered>");
  assert.equal(asked.options.parseSpecial, true);
});

test("a streamed reply has OpenAI's chunks", async () => {
  const { create } = chatOf(REPLY);
  const chunks = [];
  for await (const chunk of await create({ messages, stream: true, model: "mine" })) chunks.push(chunk);
  assert.deepEqual(
    chunks.map((chunk) => chunk.choices[0]?.delta),
    [{ role: "assistant", content: "" }, { content: "Hel" }, { content: "lo" }, {}],
  );
  assert.deepEqual(
    chunks.map((chunk) => chunk.choices[0]?.finish_reason),
    [null, null, null, "length"],
  );
  assert.deepEqual([...new Set(chunks.map((chunk) => chunk.object))], ["chat.completion.chunk"]);
  assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
  assert.ok(chunks.every((chunk) => chunk.model === "mine"));
  assert.ok(chunks.every((chunk) => !("usage" in chunk)));
});

test("usage comes last when asked for", async () => {
  const { create } = chatOf(REPLY);
  const chunks = [];
  const request = { messages, stream: true, stream_options: { include_usage: true } } as const;
  for await (const chunk of await create(request)) chunks.push(chunk);
  assert.deepEqual(chunks.at(-1)?.choices, []);
  assert.deepEqual(chunks.at(-1)?.usage, usage);
  assert.ok(chunks.slice(0, -1).every((chunk) => chunk.usage === null));
});

test("settings are passed on under the engine's names", async () => {
  const { create, asked } = chatOf(REPLY);
  const { signal } = new AbortController();
  await create(
    {
      messages,
      max_tokens: 4,
      max_completion_tokens: 9,
      temperature: 0,
      top_p: 0.5,
      presence_penalty: 1,
      frequency_penalty: -1,
      seed: 3,
      stop: "\n",
      n: 1,
      top_k: 2,
      min_p: 0.1,
      repetition_penalty: 1.1,
      speculate: true,
      grammar: "root ::= .*",
      response_format: { type: "json_object" },
      logit_bias: { 7: 1 },
    },
    { signal },
  );
  assert.deepEqual(asked.options, {
    maxTokens: 9,
    temperature: 0,
    topP: 0.5,
    presencePenalty: 1,
    frequencyPenalty: -1,
    seed: 3,
    stop: ["\n"],
    topK: 2,
    minP: 0.1,
    repetitionPenalty: 1.1,
    speculate: true,
    grammar: "root ::= .*",
    jsonSchema: { type: "object" },
    logitBias: { 7: 1 },
    parseSpecial: true,
    signal,
  });
});

test("null is not set, and what is not set is left to the model", async () => {
  const { create, asked } = chatOf(REPLY);
  await create({ messages, temperature: null, stop: null, max_tokens: null, stream: null, seed: null });
  assert.equal(asked.options.temperature, undefined);
  assert.equal(asked.options.topP, undefined);
  assert.equal(asked.options.maxTokens, undefined);
});

test("content parts become one text; other fields go to the template", async () => {
  const { create, asked } = chatOf(REPLY);
  const parts = [
    { type: "text", text: "a" },
    { type: "text", text: "b" },
  ] as const;
  await create({
    messages: [
      { role: "user", content: [...parts] },
      { role: "assistant", content: null, tool_calls: [{ id: "1" }] },
      { role: "tool", content: "42", tool_call_id: "1" },
    ],
  });
  assert.deepEqual(asked.messages, [
    { role: "user", content: "a\nb" },
    { role: "assistant", content: null, tool_calls: [{ id: "1" }] },
    { role: "tool", content: "42", tool_call_id: "1" },
  ]);
});

test("messages in proxies, as frameworks make them, become plain data", async () => {
  const { create, asked } = chatOf(REPLY);
  const deep = <T extends object>(value: T): T =>
    new Proxy(value, {
      get: (target, name) => {
        const found: unknown = Reflect.get(target, name);
        return typeof found === "object" && found !== null ? deep(found) : found;
      },
    });
  const call = { id: "1", function: { name: "f", arguments: "{}" } };
  const given = [
    { role: "user", content: [{ type: "text", text: "a" }] },
    { role: "assistant", tool_calls: [call], name: undefined },
  ];
  assert.throws(() => structuredClone(deep(given)), DOMException);
  await create({ messages: deep(given) as ChatCompletionRequest["messages"] });
  assert.deepEqual(structuredClone(asked.messages), [
    { role: "user", content: "a" },
    { role: "assistant", tool_calls: [call] },
  ]);
});

test("what changes nothing is taken, and reaches nobody", async () => {
  const { create, asked } = chatOf(REPLY);
  await create({ messages });
  const plain = asked.options;
  await create({
    messages,
    user: "visitor-1",
    metadata: { page: "start" },
    store: false,
    logprobs: false,
    response_format: { type: "text" },
    tools: [],
    tool_choice: "auto",
    parallel_tool_calls: true,
    stream_options: { include_usage: null } as never,
  });
  assert.deepEqual(asked.options, plain);
  assert.deepEqual(asked.messages, messages);
});

test("formats, grammars and biases reach the model", async () => {
  const { create, asked } = chatOf(REPLY);
  const told = async (request: Partial<ChatCompletionRequest>) => {
    await create({ messages, ...request });
    const { grammar, jsonSchema, logitBias } = asked.options;
    return { grammar, jsonSchema, logitBias };
  };
  const none = { grammar: undefined, jsonSchema: undefined, logitBias: undefined };
  assert.deepEqual(await told({ response_format: { type: "text" } }), none);
  const object = { type: "object" };
  assert.deepEqual(await told({ response_format: { type: "json_object" } }), { ...none, jsonSchema: object });
  const schema = { type: "array", items: { type: "integer" } };
  const format = { type: "json_schema", json_schema: { name: "numbers", strict: true, schema } } as const;
  assert.deepEqual(await told({ response_format: format }), { ...none, jsonSchema: schema });
  const grammar = 'root ::= "yes" | "no"';
  assert.deepEqual(await told({ grammar }), { ...none, grammar });
  assert.deepEqual(await told({ logit_bias: { 5: -100 } }), { ...none, logitBias: { 5: -100 } });
});

test("a seed may be negative and top_p 0, as OpenAI's may", async () => {
  const { create, asked } = chatOf(REPLY);
  const seeds: unknown[] = [];
  for (const seed of [-1, -2, Number.MIN_SAFE_INTEGER, 0, 5]) {
    await create({ messages, seed, top_p: 0 });
    seeds.push(asked.options.seed);
    assert.equal(asked.options.topP, 2 ** -32);
  }
  assert.deepEqual(seeds, [2 ** 53 - 1, 2 ** 53 - 2, 1, 0, 5]);
});

test("a reply that is cut off ends with length, one that ends by itself with stop", async () => {
  for (const finishReason of ["stop", "length"] as const) {
    const { create } = chatOf(REPLY.map((part) => (part.done ? { ...part, finishReason } : part)));
    assert.equal((await create({ messages })).choices[0]?.finish_reason, finishReason);
    const reasons: unknown[] = [];
    for await (const chunk of await create({ messages, stream: true }))
      reasons.push(chunk.choices[0]?.finish_reason);
    assert.deepEqual(reasons, [null, null, null, finishReason]);
  }
});

test("what cannot be done is refused, without repeating what was said", async () => {
  const wrong: Record<string, unknown>[] = [
    {},
    { messages: [] },
    { messages: "secret" },
    { messages: [null] },
    { messages: [{ role: "wizard", content: "secret" }] },
    { messages: [{ role: "user", content: 3 }] },
    { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "secret" } }] }] },
    { messages, n: 2 },
    { messages, temperature: 3 },
    { messages, top_p: -0.1 },
    { messages, seed: 1.5 },
    { messages: [{ role: "user", content: null }] },
    { messages: [{ role: "tool" }] },
    { messages: [{ role: "assistant", tool_calls: [{ run: () => "secret" }] }] },
    { messages: [{ role: "user", content: "Hi", big: 1n }] },
    { messages, store: true },
    { messages, logprobs: true },
    { messages, response_format: { type: "xml" } },
    { messages, response_format: { type: "json_schema" } },
    { messages, response_format: { type: "json_schema", json_schema: { name: "secret" } } },
    { messages, tool_choice: "required" },
    { messages, stop: ["a", "b", "c", "d", "e"] },
    { messages, max_tokens: 0 },
    { messages, logit_bias: { 50256: -101 } },
    { messages, logit_bias: { secret: 1 } },
    { messages, tools: [{ type: "function", function: { name: "secret" } }] },
    { messages, stream_options: { other: 1 } },
  ];
  for (const [at, request] of wrong.entries()) {
    const { create } = chatOf(REPLY);
    await assert.rejects(
      create(request as unknown as ChatCompletionRequest),
      (error) =>
        error instanceof SottoError &&
        error.code === "E_INVALID_ARGUMENT" &&
        !error.message.includes("secret"),
      `request ${at}`,
    );
  }
  const { create } = chatOf(REPLY, { chatTemplate: false });
  await assert.rejects(create({ messages }), /no chat template/);
});
