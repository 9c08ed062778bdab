/** A loaded model. */
import { Chat } from "./chat.js";
import { InvalidArgumentError, throwIfAborted } from "./errors.js";
import type { GeneratedPart, Loaded, ModelHost } from "./host.js";
import { checkOptions, rule, type Rules } from "./options.js";
import type { Stats } from "./timing.js";
import type { DeviceInfo, EngineGenerateOptions, ModelInfo } from "./wasm-api.js";

/**
 * How to choose the next token, and when to stop. A sampling setting that is not given is the model's own where its files
 * state one (`info.sampling`, from `generation_config.json` or `general.sampling.*`), else the default named here.
 */
export interface GenerateOptions {
  /** Tokens to make at most. Default: until the model ends its text or the context is full. */
  maxTokens?: number | undefined;
  /** 0 takes the most likely token each time; higher is more varied. Default 1. */
  temperature?: number | undefined;
  /** Choose among the k most likely tokens only. Default 0: all. */
  topK?: number | undefined;
  /** Choose among the most likely tokens that together have this probability. Default 1: all. */
  topP?: number | undefined;
  /** Choose among tokens at least this fraction as likely as the most likely one. Default 0: all. */
  minP?: number | undefined;
  /** Above 1: tokens of the prompt and the reply become less likely. Default 1. */
  repetitionPenalty?: number | undefined;
  /** Taken from the logit of each token that the reply has. Default 0. */
  presencePenalty?: number | undefined;
  /** Taken from the logit of a token once for each time the reply has it. Default 0. */
  frequencyPenalty?: number | undefined;
  /** The same seed, prompt and options give the same reply. Default: a new one each time. */
  seed?: number | undefined;
  /** The reply ends before any of these; they are not part of it. */
  stop?: string[] | undefined;
  /** Go on past the model's end token. */
  ignoreEos?: boolean | undefined;
  /**
   * Try several tokens a step: those that the model loaded as `draft` suggests, else what the text repeats of what came before. The
   * reply is the same. It comes faster where suggestions are right, as in edits and extracts, which quote their prompt, and a
   * little slower where they are not. Default: true with a `draft`, else false.
   */
  speculate?: boolean | undefined;
  /** The reply follows this grammar, in GBNF as llama.cpp writes it, from the rule `root` on. */
  grammar?: string | undefined;
  /** The reply is JSON that this JSON Schema is true of. What it may say: see the README. Not beside `grammar`. */
  jsonSchema?: JsonSchema | undefined;
  /** Token ids, each with what is added to its logit: from -100, which bans it, to 100, which all but forces it. */
  logitBias?: Readonly<Record<number, number>> | undefined;
  /**
   * Changes the logits of each token before it is chosen; what else is asked for comes after. It runs where `generate` was called,
   * so that with the engine in its worker all logits cross over and back at each token, and the model waits.
   */
  logitsProcessor?: LogitsProcessor | undefined;
  /** Read special tokens written in the prompt, such as `<|im_start|>`, as such. Default false: as plain text. */
  parseSpecial?: boolean | undefined;
  /** Stops the generation with `E_ABORTED`. */
  signal?: AbortSignal | undefined;
}

/** A JSON Schema. */
export type JsonSchema = boolean | Readonly<Record<string, unknown>>;

/** Changes `logits` in place, one for each token id. `ids` are those of the reply so far. */
export type LogitsProcessor = (logits: Float32Array, ids: readonly number[]) => void | Promise<void>;

/** How text becomes tokens. */
export interface TokenizeOptions {
  /** Add what the model wants around a text, such as a begin token. Default true. */
  addSpecial?: boolean | undefined;
  /** Read special tokens written in the text as such. Default false. */
  parseSpecial?: boolean | undefined;
}

/** How a token classifier reads a text. */
export interface ClassifyOptions {
  /**
   * One of `info.operatingPoints`: the dial between recall and precision that some models bring, as `openai/privacy-filter` does.
   * Default: the one called `"default"`, where there is one.
   */
  operatingPoint?: string | undefined;
  /** Gives up with `E_ABORTED`. */
  signal?: AbortSignal | undefined;
}

/** What a token classifier sees in a part of a text: `text.slice(start, end)`. */
export interface ClassifiedSpan {
  label: string;
  start: number;
  end: number;
  /** How probable, 0 to 1. */
  score: number;
}

const GENERATE_RULES: Rules<GenerateOptions> = {
  maxTokens: rule.integer(1),
  temperature: rule.number(0, Infinity),
  topK: rule.integer(0, 2 ** 32 - 1),
  topP: rule.positive(1),
  minP: rule.number(0, 1),
  repetitionPenalty: rule.positive(Infinity),
  presencePenalty: rule.number(-Infinity, Infinity),
  frequencyPenalty: rule.number(-Infinity, Infinity),
  seed: rule.integer(0),
  stop: rule.stop,
  ignoreEos: rule.boolean,
  speculate: rule.boolean,
  grammar: rule.string,
  jsonSchema: { must: "a JSON schema: an object, true or false", ok: isSchema },
  logitBias: rule.biases,
  logitsProcessor: rule.function,
  parseSpecial: rule.boolean,
  signal: rule.signal,
};

/** The most that the engine, whose words have 32 bits, can count to. No context is that long. */
const MAX_TOKENS = 2 ** 32 - 1;

const CLASSIFY_RULES: Rules<ClassifyOptions> = { operatingPoint: rule.string, signal: rule.signal };

const TOKENIZE_RULES: Rules<TokenizeOptions> = { addSpecial: rule.boolean, parseSpecial: rule.boolean };

/** Made by `loadModel`. */
export class Model implements AsyncDisposable {
  /** What the model's file says of it. */
  readonly info: Readonly<ModelInfo>;
  /** Tokens that fit, prompt and reply together. */
  readonly contextLength: number;
  /** Conversations in the shapes of OpenAI's API: `model.chat.completions.create(…)`. */
  readonly chat: Chat;
  readonly #host: ModelHost;
  #device: Readonly<DeviceInfo>;
  readonly #lifetime = new AbortController();

  /** @internal */
  constructor(host: ModelHost, { info, device, contextLength }: Loaded) {
    this.#host = host;
    this.info = info;
    this.#device = device;
    this.contextLength = contextLength;
    this.chat = new Chat({
      info,
      render: (messages) => {
        this.#requireLoaded();
        return host.renderChat(messages);
      },
      generate: (prompt, options) => this.generate(prompt, options),
    });
  }

  /** What runs it. Where a GPU is lost that was not asked for by name, a reply goes on on the processor, and this tells. */
  get device(): Readonly<DeviceInfo> {
    return this.#device;
  }

  /**
   * Continues the prompt, piece by piece. Nothing runs before the first piece is asked for; `break`ing out of the
   * loop or aborting stops it. A model makes one reply at a time: a second one waits for the first to end.
   *
   * @param prompt Text, or token ids that are taken as they are. Empty text starts from the begin token.
   * @throws SottoError `E_INVALID_ARGUMENT` at once; while reading `E_GRAMMAR`, `E_CONTEXT_LENGTH`, `E_ABORTED`,
   *   `E_DEVICE_LOST`, `E_OUT_OF_MEMORY`; and what a `logitsProcessor` throws.
   */
  generate(
    prompt: string | ArrayLike<number>,
    options: GenerateOptions = {},
  ): AsyncGenerator<GeneratedPart, void> {
    this.#requireLoaded();
    const { signal, parseSpecial, logitsProcessor, ...checked } = checkOptions(
      options,
      GENERATE_RULES,
      "generate",
    );
    const input =
      typeof prompt === "string" ? prompt : tokenIds(prompt, "The prompt must be text, or an array");
    const { maxTokens, seed = randomSeed(), stop, jsonSchema, logitBias, ...rest } = checked;
    const engine: EngineGenerateOptions = {
      ...(rest as EngineGenerateOptions),
      ...(maxTokens !== undefined && { maxTokens: Math.min(maxTokens, MAX_TOKENS) }),
      // A copy: a framework's reactive array is a proxy, which cannot go to the worker.
      ...(stop !== undefined && { stop: [...stop] }),
      ...(jsonSchema !== undefined && { jsonSchema: schemaText(jsonSchema) }),
      ...(logitBias && { logitBias: Object.entries(logitBias).map(([id, bias]) => [Number(id), bias]) }),
      seed,
    };
    return this.#parts(input, engine, parseSpecial ?? false, signal, logitsProcessor);
  }

  async *#parts(
    prompt: string | Uint32Array,
    options: EngineGenerateOptions,
    parseSpecial: boolean,
    signal: AbortSignal | undefined,
    logitsProcessor: LogitsProcessor | undefined,
  ): AsyncGenerator<GeneratedPart, void> {
    throwIfAborted(signal);
    this.#requireLoaded();
    const lifetime = this.#lifetime.signal;
    const both = signal ? AbortSignal.any([signal, lifetime]) : lifetime;
    const process =
      logitsProcessor &&
      (async (logits: Float32Array, ids: number[]) => {
        await logitsProcessor(logits, ids);
        return logits;
      });
    for await (const part of this.#host.generate(prompt, options, parseSpecial, both, process)) {
      if (part.device) this.#device = part.device;
      yield part;
    }
  }

  /**
   * What a token classifier (`info.task` is `"classify"`) sees in a text, in order. A text may be longer than the model's
   * context.
   *
   * @throws SottoError `E_INVALID_ARGUMENT` for a model of another kind, or an operating point that it does not bring.
   */
  async classify(text: string, options: ClassifyOptions = {}): Promise<ClassifiedSpan[]> {
    this.#requireLoaded();
    if (typeof text !== "string") throw new InvalidArgumentError("classify takes a string.");
    const { operatingPoint, signal } = checkOptions(options, CLASSIFY_RULES, "classify");
    const lifetime = this.#lifetime.signal;
    const both = signal ? AbortSignal.any([signal, lifetime]) : lifetime;
    return JSON.parse(await this.#host.classify(text, operatingPoint, both)) as ClassifiedSpan[];
  }

  /** The text as token ids. */
  async tokenize(text: string, options: TokenizeOptions = {}): Promise<number[]> {
    this.#requireLoaded();
    if (typeof text !== "string") throw new InvalidArgumentError("tokenize takes a string.");
    const { addSpecial = true, parseSpecial = false } = checkOptions(options, TOKENIZE_RULES, "tokenize");
    return this.#host.tokenize(text, addSpecial, parseSpecial);
  }

  /** The text that token ids stand for. */
  async detokenize(ids: ArrayLike<number>): Promise<string> {
    this.#requireLoaded();
    return this.#host.detokenize(tokenIds(ids, "detokenize takes an array"));
  }

  /** Counters of the last generation, and memory in use. */
  async stats(): Promise<Stats> {
    this.#requireLoaded();
    return this.#host.stats();
  }

  /** Stops whatever runs and frees the GPU and the memory. The stored files stay. Can be called again. */
  async unload(): Promise<void> {
    if (this.#lifetime.signal.aborted) return;
    this.#lifetime.abort();
    await this.#host.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unload();
  }

  #requireLoaded(): void {
    if (this.#lifetime.signal.aborted) {
      throw new InvalidArgumentError("This model was unloaded. Load it again with loadModel.");
    }
  }
}

function isSchema(value: unknown): boolean {
  return typeof value === "boolean" || (typeof value === "object" && value !== null && !Array.isArray(value));
}

function schemaText(schema: JsonSchema): string {
  try {
    return JSON.stringify(schema);
  } catch {
    throw new InvalidArgumentError(
      "The option jsonSchema of generate must be plain data, as in JSON: no cycles.",
    );
  }
}

function tokenIds(ids: unknown, must: string): Uint32Array {
  // Objects without a length would pass for empty arrays.
  const list = isArrayLike(ids) ? Array.from(ids) : undefined;
  if (!list?.every(isTokenId)) {
    throw new InvalidArgumentError(`${must} of token ids: whole numbers, at least 0.`);
  }
  return Uint32Array.from(list);
}

function isArrayLike(value: unknown): value is ArrayLike<unknown> {
  return typeof value === "object" && value !== null && "length" in value && Number.isInteger(value.length);
}

function isTokenId(id: unknown): id is number {
  return Number.isInteger(id) && (id as number) >= 0 && (id as number) < 2 ** 32;
}

function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}
