/**
 * What the WebAssembly module offers, as `crates/web` exports it. Types only: `engine.ts` is the one
 * file that touches the module itself. What fails throws, or rejects with, `{ code, message, details? }`.
 */

/** What a model is, as its file says. Sizes in bytes. */
export interface ModelInfo {
  architecture: string;
  name: string | null;
  licence: string | null;
  parameters: number;
  /** What its output is for. */
  task: "generate" | "classify" | "embed";
  /** The classes of a token classifier. */
  labels?: string[];
  /** The operating points that a token classifier brings, its dial between recall and precision: what `classify` takes. */
  operatingPoints?: string[];
  /** Tokens the model was made for, prompt and reply together. */
  contextLength: number;
  vocabSize: number;
  layers: number;
  /** The block type most weights have, such as `Q4_K`. */
  quantization: string;
  weightBytes: number;
  /** Whether the file brings a chat template, which `chat.completions` needs. */
  chatTemplate: boolean;
  /** What `generate` takes where it is not told otherwise. */
  sampling: SamplingDefaults;
  files: number;
  headerBytes: number;
  /** Bytes each file must have, by its header. */
  dataBytes: number[];
}

/** How a model's authors would have it sampled, as far as its files say. */
export interface SamplingDefaults {
  temperature?: number;
  topK?: number;
  topP?: number;
  minP?: number;
  repetitionPenalty?: number;
}

/** Memory that a model takes on a device with a context, in bytes. */
export interface MemoryNeed {
  /** Tokens of the context. */
  contextLength: number;
  /** Weights, as the device holds them. */
  weightBytes: number;
  /** Keys and values of a full context. */
  cacheBytes: number;
  /** Activations, logits and what sampling takes. */
  activationBytes: number;
  /** All of it. */
  totalBytes: number;
  /** Whether the device can have it, as far as it tells: browsers do not say how much memory a GPU has. */
  fits: boolean;
  /** Why not. */
  problem?: string;
}

/** What the engine knows of a model before its weights. */
export interface EngineInspection extends ModelInfo {
  /** The device that a load would take. */
  device: DeviceInfo;
  /** What it takes there with contexts of 2048, 4096, 8192 and 32768 tokens; an encoder, with its longest text. */
  memory: MemoryNeed[];
}

/** The outcome of reading a prefix of a GGUF file. `need`: total prefix bytes worth trying next. */
export type Parsed =
  { status: "incomplete"; need: number } | { status: "complete"; splitCount: number; headerBytes: number };

/** A `manifest.json`: the model's files, and the SHA-256 (hex) of each file and chunk. */
export interface Manifest {
  name: string;
  version: string;
  license?: string;
  chunkBytes: number;
  files: { path: string; bytes: number; sha256: string; chunks: string[] }[];
}

export interface EngineOptions {
  device?: "auto" | "webgpu" | "cpu";
  contextLength?: number;
  kvType?: "f32" | "f16" | "q8_0";
  quantize?: string;
  /** `"measure"`, or what was measured before. */
  tuning?: string;
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
  speculate?: boolean;
  /** GBNF. */
  grammar?: string;
  /** The text of a JSON Schema. */
  jsonSchema?: string;
  /** Token ids, and what is added to their logits. */
  logitBias?: [number, number][];
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
  /** The GPU's name; for the CPU its instructions and threads. */
  name: string;
  /** Whether this is a WebGPU adapter that computes on the CPU. */
  software: boolean;
  /** Why this device. */
  reason: string;
  /** Threads that a loaded model runs on, on the CPU. */
  threads?: number;
  /** Why not more. */
  threadsReason?: string;
  /** The variants of kernels that a GPU got. */
  tuning?: string;
}

/** What the engine did since it was loaded, and the memory it holds in bytes. */
export interface EngineCounters {
  /** Kernels run. */
  dispatches: number;
  /** Command buffers submitted. */
  submits: number;
  /** Buffers, bind groups and pipelines created after loading. */
  gpuObjectsCreated: number;
  /** Bytes copied back from the device. */
  bytesReadBack: number;
  /** Decode steps run, without those of a model that drafts. */
  steps: number;
  /** Tokens that were drafted and tried, and those of them that the reply has. */
  drafted: number;
  accepted: number;
  /** Pieces of work that other threads have done than the engine's own, on the CPU. */
  helped: number;
  /** Weights, activations, keys and values, those of a model that drafts too. On the GPU; with `device: "cpu"` part of `wasmBytes`. */
  deviceBytes: number;
  /** The WebAssembly heap. It never shrinks, so this is also its peak. */
  wasmBytes: number;
  /** Most bytes of that heap that the file's bytes took at once on their way to the device: a few chunks. */
  peakLoadBytes: number;
}

export interface WasmGeneration {
  /** The very first piece alone, then as many at once as come in some milliseconds. */
  nextFew(): Promise<EnginePart[]>;
  /** The logits that the next token is sampled from. */
  logits(): Promise<Float32Array>;
  /** The next piece, from what became of those logits. */
  nextFrom(logits: Float32Array): Promise<EnginePart>;
  /** Ends the reply before its end. */
  stop(): Promise<void>;
  readonly promptTokens: number;
  /** Prompt tokens whose keys and values were still there from the last prompt. */
  readonly reusedTokens: number;
  free(): void;
}

/** Between the start and the end of a call the engine is lent out: another call then fails. */
export interface WasmEngine {
  info(): ModelInfo;
  device(): DeviceInfo;
  /** Tokens that fit, as loaded. */
  contextLength(): number;
  stats(): EngineCounters;
  /** As `Loader.open`, for a smaller model that is to draft for this one. */
  openDraft(
    headers: Uint8Array[],
    folder: WasmFolder | undefined,
    options: EngineOptions,
  ): Promise<WasmLoader>;
  /** Has a model that came by `openDraft` draft from now on. It is used up. */
  setDraft(draft: WasmEngine): void;
  tokenize(text: string, addSpecial: boolean, parseSpecial: boolean): Uint32Array;
  detokenize(ids: Uint32Array): string;
  /** A token classifier's findings: JSON of `[{ label, start, end, score }]`, in UTF-16 units. Absent where none can be loaded. */
  classify?(text: string, operatingPoint?: string): Promise<string>;
  renderChat(request: { messages: unknown[]; addGenerationPrompt?: boolean }): string;
  generate(
    prompt: string | Uint32Array,
    options: EngineGenerateOptions,
    parseSpecial: boolean,
    /** What is written of the reply, which goes on from there. On the processor only. */
    written?: Uint32Array,
  ): Promise<WasmGeneration>;
  free(): void;
}

export interface WasmLoader {
  info(): ModelInfo;
  /** What to write, in order: three numbers each, a file, its first byte and how many. */
  reads(): Float64Array;
  /** The next bytes of a file. */
  write(file: number, offset: number, bytes: Uint8Array): void;
  /** Whether the model comes to the CPU, where threads are of use. */
  readonly onCpu: boolean;
  /** Consumes the loader. On the CPU the model runs on this many threads, all but one of them helpers. */
  finish(threads: number): Promise<WasmEngine>;
  free(): void;
}

/** The small files of a folder of safetensors. */
export interface WasmFolder extends Disposable {
  insert(name: string, bytes: Uint8Array): void;
  /** A further small file that those found by now name, which may be there. */
  further(): string | undefined;
  /** The files of weights, in order. */
  weights(): string[];
  free(): void;
}

/** What helpers get of a module whose memory is shared. */
export interface SharedEngine {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  /** Makes room for the stack of one more helper; returns the address of its top. */
  newStack: () => number;
}

/** The module's exports. */
export interface WasmModule {
  /** Absent where its memory is not shared. */
  shared?: SharedEngine | undefined;
  /** Reads a prefix of the first (or only) GGUF file. */
  parseHeader: (prefix: Uint8Array, fileBytes?: number) => Parsed;
  /** Reads a prefix of a safetensors file. */
  parseShard: (prefix: Uint8Array, fileBytes?: number) => Parsed;
  parseManifest(json: string): Manifest;
  /** `x-00001-of-00005.gguf` to the five names; anything else to `undefined`. */
  splitPartNames(name: string): string[] | undefined;
  Folder: {
    new (): WasmFolder;
    /** The small files to look for in a folder; only the first must be there. */
    names(): string[];
  };
  /** Takes what `Loader.open` takes. */
  inspect: (
    headers: Uint8Array[],
    folder: WasmFolder | undefined,
    options: EngineOptions,
  ) => Promise<EngineInspection>;
  /** With a folder the headers are of safetensors; it is used up. */
  Loader: {
    open(headers: Uint8Array[], folder: WasmFolder | undefined, options: EngineOptions): Promise<WasmLoader>;
  };
}
