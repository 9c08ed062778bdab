/** `chat.completions.create`, in the request and response shapes of OpenAI's API. */
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionRequest,
  ChatCompletionUsage,
  ChatRequestOptions,
  ResponseFormat,
} from "./chat-types.js";
import { InvalidArgumentError } from "./errors.js";
import type { GeneratedPart, Usage } from "./host.js";
import type { GenerateOptions, JsonSchema } from "./model.js";
import { checkOptions, rule, type Rules } from "./options.js";
import type { FinishReason, ModelInfo } from "./wasm-api.js";

/** What a chat needs of a model. */
export interface ChatBackend {
  info: Readonly<ModelInfo>;
  render: (messages: unknown[]) => Promise<string>;
  generate: (prompt: string, options: GenerateOptions) => AsyncIterable<GeneratedPart>;
}

export class Chat {
  readonly completions: ChatCompletions;

  /** @internal */
  constructor(backend: ChatBackend) {
    this.completions = new ChatCompletions(backend);
  }
}

/** What clients of OpenAI's API send along, taken where it asks for what happens anyway. */
const WITHOUT_EFFECT = {
  user: rule.string,
  metadata: { must: "an object", ok: (v) => typeof v === "object" },
  store: { must: "false: replies are kept nowhere", ok: (v) => v === false },
  logprobs: { must: "false: probabilities are not told", ok: (v) => v === false },
  tools: { must: "empty: tools are not supported", ok: (v) => Array.isArray(v) && v.length === 0 },
  tool_choice: rule.oneOf("none", "auto"),
  parallel_tool_calls: rule.boolean,
} satisfies Partial<Rules<ChatCompletionRequest>>;

const REQUEST_RULES: Rules<ChatCompletionRequest> = {
  messages: { must: "a non-empty array of messages", ok: (v) => Array.isArray(v) && v.length > 0 },
  model: rule.string,
  stream: rule.boolean,
  stream_options: { must: "an object", ok: (v) => typeof v === "object" },
  max_completion_tokens: rule.integer(1),
  max_tokens: rule.integer(1),
  temperature: rule.number(0, 2),
  top_p: rule.number(0, 1),
  presence_penalty: rule.number(-2, 2),
  frequency_penalty: rule.number(-2, 2),
  seed: rule.integer(Number.MIN_SAFE_INTEGER),
  stop: {
    must: "a string or an array of up to 4 strings, none empty",
    ok: (v) => (typeof v === "string" && v !== "") || (rule.stop.ok(v) && (v as unknown[]).length <= 4),
  },
  n: { must: "1: one reply a request", ok: (v) => v === 1 },
  top_k: rule.integer(0, 2 ** 32 - 1),
  min_p: rule.number(0, 1),
  repetition_penalty: rule.positive(Infinity),
  speculate: rule.boolean,
  grammar: rule.string,
  response_format: {
    must: '{ type: "text" }, { type: "json_object" } or { type: "json_schema", json_schema: { schema } }',
    ok: isResponseFormat,
  },
  logit_bias: rule.biases,
  ...WITHOUT_EFFECT,
};

const STREAM_RULES: Rules<{ include_usage?: boolean }> = { include_usage: rule.boolean };
const CALL_RULES: Rules<ChatRequestOptions> = { signal: rule.signal };

export class ChatCompletions {
  readonly #backend: ChatBackend;

  /** @internal */
  constructor(backend: ChatBackend) {
    this.#backend = backend;
  }

  /**
   * Replies to a conversation, with `stream: true` piece by piece.
   *
   * @throws SottoError `E_INVALID_ARGUMENT` for options it does not know and models without a chat template; and what
   *   `generate` throws.
   */
  create(
    request: ChatCompletionRequest & { stream: true },
    options?: ChatRequestOptions,
  ): Promise<AsyncIterable<ChatCompletionChunk>>;
  create(
    request: ChatCompletionRequest & { stream?: false | null | undefined },
    options?: ChatRequestOptions,
  ): Promise<ChatCompletion>;
  create(
    request: ChatCompletionRequest,
    options?: ChatRequestOptions,
  ): Promise<ChatCompletion | AsyncIterable<ChatCompletionChunk>>;
  async create(
    request: ChatCompletionRequest,
    options: ChatRequestOptions = {},
  ): Promise<ChatCompletion | AsyncIterable<ChatCompletionChunk>> {
    const { signal } = checkOptions(options, CALL_RULES, "chat.completions.create");
    const checked = checkOptions(withoutNulls(request), REQUEST_RULES, "chat.completions.create");
    if (!Array.isArray(checked.messages))
      throw new InvalidArgumentError("chat.completions.create needs messages.");
    const { include_usage = false } = checkOptions(
      withoutNulls(checked.stream_options ?? {}),
      STREAM_RULES,
      "stream_options",
    );
    const messages = checked.messages.map(templateMessage);
    const { info, render, generate } = this.#backend;
    if (!info.chatTemplate) {
      throw new InvalidArgumentError(
        "This model's file has no chat template, so it is not made for conversations. Use generate, or load an instruct model.",
      );
    }
    const prompt = await render(messages);
    // The template wrote the special tokens into the prompt.
    const parts = generate(prompt, { ...generateOptions(checked), parseSpecial: true, signal });
    const head: Head = {
      id: `chatcmpl-${crypto.randomUUID().replaceAll("-", "")}`,
      created: Math.floor(Date.now() / 1000),
      model: checked.model ?? info.name ?? info.architecture,
    };
    return checked.stream === true ? chunks(head, parts, include_usage) : whole(head, parts);
  }
}

function isResponseFormat(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { type, json_schema } = value as { type?: unknown; json_schema?: { schema?: unknown } | null };
  return (
    type === "text" || type === "json_object" || (type === "json_schema" && json_schema?.schema !== undefined)
  );
}

function jsonSchema(format: ResponseFormat | null | undefined): JsonSchema | undefined {
  if (format?.type === "json_object") return { type: "object" };
  return format?.type === "json_schema" ? format.json_schema.schema : undefined;
}

interface Head {
  id: string;
  created: number;
  model: string;
}

/** OpenAI's clients send `null` for "not set". */
function withoutNulls(request: unknown): unknown {
  if (typeof request !== "object" || request === null) return request;
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== null));
}

function generateOptions(request: ChatCompletionRequest): GenerateOptions {
  const set = <T>(value: T | null | undefined): T | undefined => value ?? undefined;
  const { seed } = request;
  const stop = typeof request.stop === "string" ? [request.stop] : request.stop;
  return {
    maxTokens: set(request.max_completion_tokens ?? request.max_tokens),
    temperature: set(request.temperature),
    topP: typeof request.top_p === "number" ? Math.max(request.top_p, LEAST_TOP_P) : undefined,
    presencePenalty: set(request.presence_penalty),
    frequencyPenalty: set(request.frequency_penalty),
    // OpenAI's are whole numbers of either sign; the negative ones wrap round.
    seed: typeof seed === "number" && seed < 0 ? seed + 2 ** 53 : set(seed),
    stop: set(stop),
    topK: set(request.top_k),
    minP: set(request.min_p),
    repetitionPenalty: set(request.repetition_penalty),
    speculate: set(request.speculate),
    grammar: set(request.grammar),
    jsonSchema: jsonSchema(request.response_format),
    logitBias: set(request.logit_bias),
  };
}

/** What 0 stands for: the likeliest token alone has more than this. It is the least that the GPU tells from 0. */
const LEAST_TOP_P = 2 ** -32;

const ROLES = ["system", "developer", "user", "assistant", "tool"];

type Wrong = (what: string) => InvalidArgumentError;

/** A message as chat templates know it: plain data, with content as one string, or none in a call of tools. */
function templateMessage(message: unknown, index: number): Record<string, unknown> {
  const wrong: Wrong = (what) =>
    new InvalidArgumentError(`messages[${index}] ${what}`, { details: { index } });
  if (typeof message !== "object" || message === null)
    throw wrong("must be an object with role and content.");
  const plain = plainData(message, wrong);
  const { role, content } = plain;
  if (typeof role !== "string" || !ROLES.includes(role))
    throw wrong(`has a role that is not one of ${ROLES.join(", ")}.`);
  // Templates tell a call of tools from a reply by content that is none.
  if (role === "assistant" && (content === null || content === undefined)) return plain;
  return { ...plain, content: contentText(content, wrong) };
}

/** The message as JSON has it, which is how OpenAI's clients send it: proxies, as frameworks make them, become plain. */
function plainData(message: object, wrong: Wrong): Record<string, unknown> {
  const refuseCode = (_name: string, value: unknown) => {
    if (typeof value === "function" || typeof value === "symbol") throw new TypeError();
    return value;
  };
  try {
    return JSON.parse(JSON.stringify(message, refuseCode)) as Record<string, unknown>;
  } catch {
    throw wrong("must be plain data, as in JSON: no functions, no cycles.");
  }
}

function contentText(content: unknown, wrong: Wrong): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content))
    throw wrong("has content that is neither a string nor an array of text parts.");
  return content
    .map((part: unknown) => {
      const { type, text } = (part ?? {}) as { type?: unknown; text?: unknown };
      if (type !== "text" || typeof text !== "string")
        throw wrong("has a content part that is not text; only text is supported.");
      return text;
    })
    .join("\n");
}

async function whole(head: Head, parts: AsyncIterable<GeneratedPart>): Promise<ChatCompletion> {
  let content = "";
  let finish: FinishReason = "stop";
  let usage: Usage = { promptTokens: 0, generatedTokens: 0 };
  for await (const part of parts) {
    content += part.text;
    finish = part.finishReason ?? finish;
    usage = part.usage ?? usage;
  }
  const message = { role: "assistant", content, refusal: null } as const;
  const choice = { index: 0, message, finish_reason: finish, logprobs: null } as const;
  return { ...head, object: "chat.completion", choices: [choice], usage: openAiUsage(usage) };
}

async function* chunks(
  head: Head,
  parts: AsyncIterable<GeneratedPart>,
  includeUsage: boolean,
): AsyncGenerator<ChatCompletionChunk, void> {
  type Choice = ChatCompletionChunk["choices"][number];
  const chunk = (choices: Choice[], usage?: ChatCompletionUsage): ChatCompletionChunk => ({
    ...head,
    object: "chat.completion.chunk",
    choices,
    ...(includeUsage && { usage: usage ?? null }),
  });
  const choice = (delta: Choice["delta"], finish_reason: Choice["finish_reason"] = null): Choice => ({
    index: 0,
    delta,
    finish_reason,
    logprobs: null,
  });
  yield chunk([choice({ role: "assistant", content: "" })]);
  for await (const part of parts) {
    if (part.text !== "") yield chunk([choice({ content: part.text })]);
    if (!part.done) continue;
    yield chunk([choice({}, part.finishReason ?? "stop")]);
    if (includeUsage && part.usage) yield chunk([], openAiUsage(part.usage));
  }
}

function openAiUsage({ promptTokens, generatedTokens }: Usage): ChatCompletionUsage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: generatedTokens,
    total_tokens: promptTokens + generatedTokens,
  };
}
