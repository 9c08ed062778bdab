/**
 * What the WebAssembly module offers, as `crates/web` exports it. Types only: `engine.ts` is the one
 * file that touches the module itself. What fails throws, or rejects with, `{ code, message, details? }`.
 */

/** What a model is, as its file says. Sizes in bytes. */
export interface ModelInfo {
  architecture: string;
  name?: string;
  licence?: string;
  parameters: number;
  /** Tokens that fit: prompt and reply together. */
  contextLength: number;
  vocabSize: number;
  layers: number;
  /** The block type most weights have, such as `Q4_K`. */
  quantization: string;
  weightBytes: number;
  /** Whether the file brings a chat template, which `chat.completions` needs. */
  chatTemplate: boolean;
  files: number;
  headerBytes: number;
  /** Total bytes of each file as its header implies. */
  dataBytes: number[];
}

/** The outcome of reading a prefix of a GGUF file. `need`: total prefix bytes worth trying next. */
export type Parsed = { status: "incomplete"; need: number } | { status: "complete"; splitCount: number };

/** A `manifest.json`: the model's files, and the SHA-256 (hex) of each file and chunk. */
export interface Manifest {
  name: string;
  version: string;
  license?: string;
  chunkBytes: number;
  files: { path: string; bytes: number; sha256: string; chunks: string[] }[];
}

export interface EngineOptions {
  device?: "webgpu" | "cpu";
  contextLength?: number;
  kvType?: "f32" | "f16";
}

/** Settings of one generation as the engine takes them. */
export interface EngineGenerateOptions {
  maxTokens?: number;
  temperature?: number;
  topK?: number;
  topP?: number;
  minP?: number;
  repetitionPenalty?: number;
  presencePenalty?: number;
  frequencyPenalty?: number;
  seed?: number;
  stop?: string[];
  ignoreEos?: boolean;
}

/** Why a generation ended: at a stop string or end token, or at `maxTokens` or the context's end. */
export type FinishReason = "stop" | "length";

export interface EnginePart {
  text: string;
  ids: number[];
  done: boolean;
  finishReason?: FinishReason;
}

/** What runs the model. `software`: the "GPU" is the processor in disguise, and slow. */
export interface DeviceInfo {
  backend: "webgpu" | "cpu";
  name: string;
  software: boolean;
}

/** Counters of the last generation and of memory. Times in milliseconds, sizes in bytes. */
export interface Stats {
  promptTokens: number;
  /** Prompt tokens whose keys and values were still there from the last prompt. */
  reusedTokens: number;
  generatedTokens: number;
  prefillMs: number;
  decodeMs: number;
  firstTokenMs: number;
  gpuBytes: number;
  wasmBytes: number;
  peakWasmBytes: number;
  peakChunksInHeap: number;
  dispatches: number;
  submits: number;
  gpuObjectsCreated: number;
  bytesReadBack: number;
}

export interface WasmGeneration {
  next(): Promise<EnginePart>;
  stop(): void;
  readonly promptTokens: number;
  free(): void;
}

export interface WasmEngine {
  info(): ModelInfo;
  device(): DeviceInfo;
  stats(): Stats;
  tokenize(text: string, addSpecial: boolean, parseSpecial: boolean): Uint32Array;
  detokenize(ids: Uint32Array): string;
  renderChat(request: { messages: unknown[]; addGenerationPrompt?: boolean }): string;
  generate(
    prompt: string | Uint32Array,
    options: EngineGenerateOptions,
    parseSpecial: boolean,
  ): Promise<WasmGeneration>;
  free(): void;
}

export interface WasmLoader {
  info(): ModelInfo;
  write(file: number, offset: number, bytes: Uint8Array): Promise<void>;
  /** Consumes the loader. */
  finish(): Promise<WasmEngine>;
  free(): void;
}

/** The module's exports. */
export interface WasmModule {
  /** Reads a prefix of the first (or only) GGUF file. */
  parseHeader(prefix: Uint8Array, fileBytes?: number): Parsed;
  parseManifest(json: string): Manifest;
  /** `x-00001-of-00005.gguf` to the five names; anything else to `undefined`. */
  splitPartNames(name: string): string[] | undefined;
  Loader: { open(headers: Uint8Array[], options: EngineOptions): Promise<WasmLoader> };
}
