/** A model with its engine, wherever it runs: the questions that the page asks, and what they are answered with. */
import type { Progress } from "./progress.js";
import type { ResolvedSource } from "./source.js";
import type { Stats } from "./timing.js";
import type {
  DeviceInfo,
  EngineGenerateOptions,
  EngineInspection,
  EngineOptions,
  FinishReason,
  ModelInfo,
} from "./wasm-api.js";

/** What `load` needs; structured-cloneable. */
export interface LoadRequest {
  source: ResolvedSource;
  /** A smaller model that drafts for it. */
  draft?: ResolvedSource | undefined;
  engine: EngineOptions;
  chunkBytes: number | undefined;
  revalidate: boolean | undefined;
  store: boolean;
  headers: Readonly<Record<string, string>>;
  threads?: number | undefined;
}

export interface Loaded {
  info: ModelInfo;
  device: DeviceInfo;
  contextLength: number;
}

/** What a model is, and what it would take here. Sizes in bytes. */
export interface ModelInspection extends EngineInspection {
  /** All files that a load fetches. */
  downloadBytes: number;
}

/** A piece of a reply. The last one has `done: true` and says why it ended and what it took. */
export interface GeneratedPart {
  /** Whole characters only: never half of one. Empty when the tokens so far make no full character. */
  text: string;
  /** The tokens that came with this piece. */
  ids: number[];
  done: boolean;
  finishReason?: FinishReason;
  usage?: Usage;
  /** What writes from here on, where the GPU was lost and the processor took over. */
  device?: DeviceInfo;
}

/** Tokens a generation took. */
export interface Usage {
  promptTokens: number;
  generatedTokens: number;
}

/** What becomes of the logits of a token before it is chosen. */
export type ProcessLogits = (logits: Float32Array, ids: number[]) => Promise<Float32Array>;

/** What a model can do, wherever it runs. */
export interface ModelHost {
  load(request: LoadRequest, signal: AbortSignal, onProgress: (progress: Progress) => void): Promise<Loaded>;
  /** What there is to know of a model before its weights. */
  inspect(request: LoadRequest, signal: AbortSignal): Promise<ModelInspection>;
  generate(
    prompt: string | Uint32Array,
    options: EngineGenerateOptions,
    parseSpecial: boolean,
    signal: AbortSignal,
    process?: ProcessLogits,
  ): AsyncIterable<GeneratedPart>;
  classify(text: string, operatingPoint: string | undefined, signal: AbortSignal): Promise<string>;
  renderChat(messages: unknown[]): Promise<string>;
  tokenize(text: string, addSpecial: boolean, parseSpecial: boolean): Promise<number[]>;
  detokenize(ids: Uint32Array): Promise<string>;
  stats(): Promise<Stats>;
  close(): Promise<void>;
}
