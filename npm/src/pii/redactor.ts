/** Finds personal data and replaces it. */
import { InvalidArgumentError, throwIfAborted, toSottoError } from "../errors.js";
import { checkOptions, rule, type Rules } from "../options.js";
import { type Progress, telling } from "../progress.js";
import { requireSimd } from "../simd.js";
import { baseUrl, type ModelSource, resolveSource } from "../source.js";
import {
  CALL_RULES,
  type CallOptions,
  type RedactionRules,
  requireText,
  RULES,
  writeConfig,
} from "./config.js";
import { type CsvOptions, type DocumentOptions, readDocumentOptions } from "./documents.js";
import type { Finder, ModelRequest, OpenedModel } from "./finder.js";
import { compiledPii, startPii } from "./module.js";
import { WorkerFinder } from "./remote-finder.js";
import type { Shape } from "./shape.js";
import { RedactionStream } from "./streams.js";
import type { Entity, LabelInfo, ReplacedEntity } from "./types.js";
import { guarded, newVault, Vault } from "./vault.js";
import type { PiiModule, WasmRedaction } from "./wasm-api.js";

/** How to load a redactor, and the rules of its calls where they bring none of their own. */
export interface RedactorOptions extends RedactionRules {
  /**
   * What reads along with the recognisers, which find what has a shape or a checksum. `"bundled"` (default): the small
   * model of this package, for names, places and organisations. `false`: nothing, which loads faster and less. Or a token
   * classifier of yours, as `loadModel` takes it.
   */
  model?: ModelSource | false | undefined;
  /**
   * One of the operating points that a model of yours brings, such as `openai/privacy-filter`'s: its own dial between recall and
   * precision, beside `operatingPoint`, which says what scores count. Default: the model's `"default"`, where there is one.
   */
  modelOperatingPoint?: string | undefined;
  /** What the model runs on. Default `"auto"`: the GPU if there is a real one, else the processor. */
  device?: "auto" | "webgpu" | "cpu" | undefined;
  /** Keep a model of yours in the browser's storage. Default true. */
  store?: boolean | undefined;
  /** Where `hf:` names are fetched from. Default `https://huggingface.co`. */
  hfEndpoint?: string | undefined;
  /** `false` works in the page instead of a worker. Default true. */
  worker?: boolean | undefined;
  /** Gives up loading with `E_ABORTED`. */
  signal?: AbortSignal | undefined;
  /** Called as the model's bytes arrive. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** A redacted text. */
export interface Redaction {
  text: string;
  /** What was found, in order. */
  entities: ReplacedEntity[];
  /** What puts the values back. */
  vault: Vault;
}

/** A redacted document. */
export interface DocumentRedaction<T> {
  document: T;
  entities: ReplacedEntity[];
  vault: Vault;
}

export interface StreamOptions extends Omit<CallOptions, "field" | "onProgress"> {
  /** Called with what was replaced; offsets count from the start of the stream. */
  onEntities?: ((entities: ReplacedEntity[]) => void) | undefined;
}

const LOAD_RULES: Rules<RedactorOptions> = {
  ...RULES,
  model: { must: '"bundled", false or a model source', ok: (v) => v !== true && v !== null },
  modelOperatingPoint: rule.string,
  device: rule.oneOf("auto", "webgpu", "cpu"),
  store: rule.boolean,
  hfEndpoint: rule.string,
  worker: rule.boolean,
  signal: rule.signal,
  onProgress: rule.function,
};

const { field: _f, onProgress: _p, ...STREAM } = CALL_RULES;
const STREAM_RULES: Rules<StreamOptions> = { ...STREAM, onEntities: rule.function };

/** Finds personal data and replaces it. Nothing leaves the page. Made by `Redactor.load`. */
export class Redactor implements AsyncDisposable {
  /** The model that reads along; `undefined` with `model: false`. */
  readonly model: Readonly<OpenedModel> | undefined;
  readonly #wasm: PiiModule;
  readonly #finder: Finder;
  readonly #rules: RedactionRules;
  readonly #lifetime = new AbortController();

  private constructor(
    wasm: PiiModule,
    finder: Finder,
    rules: RedactionRules,
    model: OpenedModel | undefined,
  ) {
    this.#wasm = wasm;
    this.#finder = finder;
    this.#rules = rules;
    this.model = model;
  }

  /**
   * Starts the recognisers and, unless told otherwise, the bundled model. Both come with the package.
   * @throws SottoError `E_INVALID_ARGUMENT`, `E_ABORTED`, `E_NO_SIMD`, `E_INTERNAL`; with a model also what `loadModel` throws.
   */
  static async load(options: RedactorOptions = {}): Promise<Redactor> {
    const { model, modelOperatingPoint, device, store, hfEndpoint, worker, signal, onProgress, ...rules } =
      checkOptions(options, LOAD_RULES, "Redactor.load");
    throwIfAborted(signal);
    requireSimd();
    const request = modelRequest({
      model: model ?? "bundled",
      operatingPoint: modelOperatingPoint,
      device: device ?? "auto",
      store: store ?? true,
      hfEndpoint,
    });
    const wasm = await startPii();
    const config = writeConfig(rules);
    guarded(() => {
      wasm.checkConfig(config);
    });
    const finder = await newFinder(worker ?? true);
    try {
      const opened = await finder.open(
        { wasm: compiledPii(), model: request },
        signal ?? new AbortController().signal,
        telling(onProgress),
      );
      return new Redactor(wasm, finder, rules, opened);
    } catch (error) {
      await finder.close();
      throw toSottoError(error);
    }
  }

  /** Finds personal data and leaves the text as it is. */
  async analyze(text: string, options: CallOptions = {}): Promise<Entity[]> {
    requireText(text, "analyze");
    const call = this.#call(options, CALL_RULES, "analyze");
    const found = await this.#find(text, call);
    return withText(text, JSON.parse(guarded(() => this.#wasm.describe(text, found))) as Entity[]);
  }

  /** Finds personal data and replaces it. */
  async redact(text: string, options: CallOptions = {}): Promise<Redaction> {
    requireText(text, "redact");
    const call = this.#call(options, CALL_RULES, "redact");
    const found = await this.#find(text, call);
    return this.#replace(text, found, call);
  }

  /**
   * Replaces these entities and no others: what `analyze` found, less what is to stay, and more if you like. Only `label`,
   * `start` and `end` must be there.
   */
  async apply(
    text: string,
    entities: readonly (Pick<Entity, "label" | "start" | "end"> & Partial<Entity>)[],
    options: CallOptions = {},
  ): Promise<Redaction> {
    requireText(text, "apply");
    const call = this.#call(options, CALL_RULES, "apply");
    const plain = entities.map(({ label, start, end, score, by, explain }) => ({
      label,
      start,
      end,
      score,
      by,
      explain,
    }));
    const found = guarded(() => this.#wasm.chosen(text, JSON.stringify(plain)));
    return Promise.resolve(this.#replace(text, found, call));
  }

  /** Redacts text that comes in parts. Lets nothing out that later text could make part of an entity. */
  redactStream(options: StreamOptions = {}): RedactionStream {
    const { config, vault, signal, onEntities } = this.#call<StreamOptions>(
      options,
      STREAM_RULES,
      "redactStream",
    );
    const stream = guarded(() => new this.#wasm.RedactStream(config, this.model !== undefined));
    return new RedactionStream({ stream, finder: this.#finder, config, vault, signal, onEntities });
  }

  /** Puts the values of a vault back in text that comes in parts. */
  restoreStream(vault: Vault): TransformStream<string, string> {
    return vault.restoreStream();
  }

  /** Redacts the strings, and long numbers, of a JSON text, or of a value. All else stays as it is. */
  redactJson<T>(json: T, options: DocumentOptions = {}): Promise<DocumentRedaction<T>> {
    return this.#redactDocument("json", json, options, "redactJson");
  }

  /** Redacts the fields of a CSV text, also with semicolons or tabs. */
  redactCsv(csv: string, options: CsvOptions = {}): Promise<DocumentRedaction<string>> {
    requireText(csv, "redactCsv");
    return this.#redactDocument("csv", csv, options, "redactCsv");
  }

  /** Redacts chat messages in OpenAI's shape, or a request that holds them. Roles, ids and models stay. */
  redactMessages<T>(messages: T, options: Omit<CallOptions, "field"> = {}): Promise<DocumentRedaction<T>> {
    return this.#redactDocument("chat", messages, options, "redactMessages");
  }

  /** Redacts text that stands in parts, such as the text nodes of a paragraph. @internal */
  async redactParts(
    parts: readonly string[],
    options: CallOptions = {},
  ): Promise<{ parts: string[]; entities: Entity[]; vault: Vault }> {
    const call = this.#call(options, CALL_RULES, "redactDom");
    const text = parts.join("");
    const found = await this.#find(text, call);
    const { config, vault } = call;
    const entities = withText(text, JSON.parse(guarded(() => this.#wasm.describe(text, found))) as Entity[]);
    return {
      parts: guarded(() => this.#wasm.redactParts(config, [...parts], found, vault.inner)),
      entities,
      vault,
    };
  }

  /** The labels that are known by name, with the families that policies speak of. */
  get labels(): LabelInfo[] {
    return JSON.parse(this.#wasm.labels()) as LabelInfo[];
  }

  /** An empty vault, for `vault` of several calls. */
  newVault(): Vault {
    return newVault(this.#wasm);
  }

  /** Ends the worker and frees the model. Vaults go on working. Can be called again. */
  async close(): Promise<void> {
    if (this.#lifetime.signal.aborted) return;
    this.#lifetime.abort();
    await this.#finder.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #redactDocument<T>(
    kind: Shape,
    document: T,
    options: unknown,
    where: string,
  ): Promise<DocumentRedaction<T>> {
    const { shape, call: given } = readDocumentOptions(kind, options, where);
    const { config, vault, signal, onProgress } = this.#call(given, CALL_RULES, where);
    const isText = typeof document === "string";
    const text = isText ? document : writeJson(document, where);
    const values = JSON.parse(guarded(() => this.#wasm.values(config, shape, text))) as {
      text: string;
      field?: string;
    }[];
    const found = await this.#finder.find(config, values, signal, onProgress);
    const redacted = guarded(() => this.#wasm.redactDocument(config, shape, text, found, vault.inner));
    return {
      document: (isText ? redacted.text : JSON.parse(redacted.text)) as T,
      entities: JSON.parse(redacted.entities) as ReplacedEntity[],
      vault,
    };
  }

  async #find(text: string, { config, field, signal, onProgress, vault }: Call): Promise<string> {
    const [found = "[]"] = await this.#finder.find(config, [{ text, field }], signal, onProgress);
    return guarded(() => this.#wasm.withKnown(config, text, found, vault.inner));
  }

  #replace(text: string, found: string, { config, vault }: Call): Redaction {
    const redacted: WasmRedaction = guarded(() => this.#wasm.redact(config, text, found, vault.inner));
    const entities = withText(text, JSON.parse(redacted.entities) as ReplacedEntity[]);
    return { text: redacted.text, entities, vault };
  }

  /** The options of a call with the redactor's own behind them. */
  #call<T extends CallOptions>(options: unknown, rules: Rules<T>, where: string): T & Call {
    if (this.#lifetime.signal.aborted) {
      throw new InvalidArgumentError("This redactor was closed. Load another with Redactor.load.");
    }
    const given = checkOptions<T>(options, rules, where);
    throwIfAborted(given.signal);
    const { policy, labels, threshold, operatingPoint, hashKey, recognisers, labelMap } = {
      ...this.#rules,
      ...given,
    };
    const lifetime = this.#lifetime.signal;
    const config = writeConfig({
      policy,
      labels,
      threshold,
      operatingPoint,
      hashKey,
      recognisers,
      labelMap,
    });
    guarded(() => {
      this.#wasm.checkConfig(config);
    });
    return {
      ...given,
      config,
      vault: given.vault ?? newVault(this.#wasm),
      signal: given.signal ? AbortSignal.any([given.signal, lifetime]) : lifetime,
      onProgress: telling(given.onProgress),
    };
  }
}

interface Call {
  config: string;
  field?: string | undefined;
  vault: Vault;
  signal: AbortSignal;
  onProgress: (fraction: number) => void;
}

function withText<T extends Entity>(text: string, entities: T[]): T[] {
  for (const entity of entities) entity.text = text.slice(entity.start, entity.end);
  return entities;
}

function writeJson(value: unknown, where: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // Whatever it says may quote the value.
  }
  if (text === undefined) {
    throw new InvalidArgumentError(`${where} takes a JSON text, or a value that JSON can hold.`);
  }
  return text;
}

/** @throws SottoError `E_INVALID_ARGUMENT` for an operating point of no model, and for a source that is none. */
function modelRequest({
  model,
  operatingPoint,
  device,
  store,
  hfEndpoint,
}: {
  model: ModelSource | false;
  operatingPoint: string | undefined;
  device: "auto" | "webgpu" | "cpu";
  store: boolean;
  hfEndpoint: string | undefined;
}): ModelRequest | undefined {
  if (model === false) {
    if (operatingPoint === undefined) return undefined;
    throw new InvalidArgumentError("The option modelOperatingPoint of Redactor.load needs a model.");
  }
  // Bundlers recognise exactly this expression.
  const bundled = model === "bundled" ? new URL("./pii-mini.gguf", import.meta.url) : undefined;
  const source = resolveSource(bundled ?? model, { base: baseUrl(), hfEndpoint });
  const name = bundled ? "pii-mini" : source.kind === "blobs" ? (source.names[0] ?? "model") : source.name;
  // The bundled model is a file of the site like any other, and cached like one.
  return { source, name, device, store: store && !bundled, operatingPoint };
}

async function newFinder(worker: boolean): Promise<Finder> {
  if (worker) return new WorkerFinder();
  const { LocalFinder } = await import("./finder.js");
  return new LocalFinder();
}
