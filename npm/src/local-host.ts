/**
 * The engine in this thread: the worker's, or the page's with `worker: false`. One generation at a time; others wait their turn.
 */
import { unlessAborted } from "./abort.js";
import { unlessBroken } from "./breakdown.js";
import { namedDevice } from "./device.js";
import { startEngine } from "./engine.js";
import {
  InternalError,
  InvalidArgumentError,
  type SottoError,
  throwIfAborted,
  toSottoError,
  UnsupportedArchError,
} from "./errors.js";
import { DEFAULT_CHUNK_BYTES } from "./describe.js";
import { feed } from "./feed.js";
import { readHeaders } from "./header.js";
import type {
  GeneratedPart,
  Loaded,
  LoadRequest,
  ModelHost,
  ModelInspection,
  ProcessLogits,
} from "./host.js";
import { type Progress, ProgressMeter } from "./progress.js";
import { RemoteModel } from "./remote.js";
import { isStored } from "./storage.js";
import { startHelpers, type Threads, threadsFor } from "./threads.js";
import type { BlobSource, RemoteSource } from "./source.js";
import { type Stats, Timing } from "./timing.js";
import type {
  DeviceInfo,
  EngineGenerateOptions,
  EngineOptions,
  EnginePart,
  MemoryNeed,
  WasmEngine,
  WasmGeneration,
  WasmLoader,
  WasmModule,
} from "./wasm-api.js";
import { BlobFile, type WeightFile } from "./weights.js";

/** Holds, as its cause, what code of the page threw, which is not to be taken for the engine's. */
class Thrown extends Error {}

export class LocalHost implements ModelHost {
  #engine: WasmEngine | undefined;
  /** Set when the engine broke in the middle of a call and cannot be used again. */
  #broken: SottoError | undefined;
  /** Ends when the generation before is over. */
  #turn: Promise<void> = Promise.resolve();
  /** Ends when the engine's call before is over. */
  #call: Promise<unknown> = Promise.resolve();
  #timing = new Timing();
  #threads: Threads = { count: 1, reason: "" };
  /** How to load the model again where its GPU is lost: set while it is on one that the caller did not ask for by name. */
  #again: LoadRequest | undefined;
  /** The device that took over, until a reader is told. */
  #tookOver: DeviceInfo | undefined;

  async load(
    request: LoadRequest,
    signal: AbortSignal,
    onProgress: (progress: Progress) => void,
  ): Promise<Loaded> {
    const meter = new ProgressMeter(onProgress);
    try {
      const { draft, engine, threads } = request;
      this.#threads = await threadsFor(threads, engine.device);
      const wasm = await startEngine(this.#threads.count > 1);
      throwIfAborted(signal);
      const loaded = await this.#loadOne(wasm, request, meter, signal);
      if (draft) {
        const { tuning } = loaded.device; // measured once
        const options = { ...engine, ...(tuning !== undefined && { tuning }) };
        await this.#loadOne(wasm, { ...request, source: draft, engine: options }, meter, signal);
      }
      const anyDevice = engine.device === undefined || engine.device === "auto";
      this.#again = anyDevice && loaded.device.backend === "webgpu" ? request : undefined;
      return loaded;
    } catch (error) {
      throw toSottoError(error);
    } finally {
      meter.stop();
    }
  }

  async inspect(request: LoadRequest, signal: AbortSignal): Promise<ModelInspection> {
    const { draft } = request;
    const told = await this.#inspectOne(request, signal);
    if (!draft) return told;
    const its = await this.#inspectOne({ ...request, source: draft }, signal);
    return {
      ...told,
      memory: told.memory.map((need, index) => both(need, its.memory[index])),
      downloadBytes: told.downloadBytes + its.downloadBytes,
    };
  }

  async #inspectOne(request: LoadRequest, signal: AbortSignal): Promise<ModelInspection> {
    const meter = new ProgressMeter(() => undefined);
    const { source, engine } = request;
    let remote: RemoteModel | undefined;
    try {
      const wasm = await startEngine(false);
      throwIfAborted(signal);
      // What is stored whole needs no network; what is not is not begun to be stored by asking what it is.
      const stored = source.kind !== "blobs" && request.revalidate !== true && (await isStored(source.id));
      const how = stored ? { store: true, revalidate: false } : { store: false };
      if (source.kind !== "blobs") {
        remote = await RemoteModel.open(source, { ...request, ...how, signal, meter }, wasm);
      }
      const files = remote?.files ?? blobFiles(request, source as BlobSource, meter, signal);
      const { prefixes, folder } = await readHeaders(wasm, files, meter);
      throwIfAborted(signal);
      const told = await unlessBroken(wasm.inspect(prefixes, folder, engine));
      return { ...told, device: await namedDevice(told.device), downloadBytes: meter.total };
    } catch (error) {
      throw toSottoError(error);
    } finally {
      remote?.close();
      meter.stop();
    }
  }

  /** Loads the request's own source: the model, or where there is one the model that drafts for it. */
  #loadOne(
    wasm: WasmModule,
    request: LoadRequest,
    meter: ProgressMeter,
    signal: AbortSignal,
  ): Promise<Loaded> {
    const { source, engine } = request;
    return source.kind === "blobs"
      ? this.#feed(wasm, blobFiles(request, source, meter, signal), engine, meter, signal)
      : this.#loadRemote(wasm, request, source, meter, signal);
  }

  async #loadRemote(
    wasm: WasmModule,
    { engine, chunkBytes, revalidate, store, headers }: LoadRequest,
    source: RemoteSource,
    meter: ProgressMeter,
    signal: AbortSignal,
  ): Promise<Loaded> {
    const model = await RemoteModel.open(
      source,
      { chunkBytes, revalidate, store, headers, signal, meter },
      wasm,
    );
    try {
      return await this.#feed(wasm, model.files, engine, meter, signal, model);
    } catch (error) {
      const known = toSottoError(error);
      await model.failed(known).catch(() => undefined);
      throw known;
    } finally {
      model.close();
    }
  }

  /** Headers, then every byte, into the engine. */
  async #feed(
    wasm: WasmModule,
    files: readonly WeightFile[],
    options: EngineOptions,
    meter: ProgressMeter,
    signal: AbortSignal,
    remote?: RemoteModel,
  ): Promise<Loaded> {
    const { weights, prefixes, folder } = await readHeaders(wasm, files, meter);
    const main = this.#engine;
    const open = main
      ? main.openDraft(prefixes, folder, options)
      : wasm.Loader.open(prefixes, folder, options);
    let loader: WasmLoader | undefined = await unlessBroken(open);
    try {
      throwIfAborted(signal);
      const threads = loader.onCpu ? this.#startThreads(wasm) : undefined;
      // What cannot run need not be stored, so memory is asked for first.
      await remote?.checkRoom();
      await feed(loader, weights, meter, signal);
      await remote?.complete();
      const finishing = loader;
      loader = undefined;
      const { count, reason } = (await threads) ?? { count: 1, reason: undefined };
      const engine = await unlessBroken(finishing.finish(count));
      if (signal.aborted) engine.free();
      throwIfAborted(signal);
      if (main) main.setDraft(engine);
      this.#engine = main ?? engine;
      return {
        info: this.#engine.info(),
        device: {
          ...(await namedDevice(this.#engine.device())),
          ...(reason !== undefined && { threadsReason: reason }),
        },
        contextLength: this.#engine.contextLength(),
      };
    } finally {
      loader?.free();
    }
  }

  /** The threads there are of those that there may be. */
  async #startThreads({ shared }: WasmModule): Promise<Threads> {
    const { count, reason } = this.#threads;
    if (count === 1) return { count, reason };
    if (!shared) return { count: 1, reason: "the module for threads could not start" };
    const started = 1 + (await startHelpers(shared, count - 1));
    if (started === count) return { count, reason };
    return { count: started, reason: "more workers could not start" };
  }

  async *generate(
    prompt: string | Uint32Array,
    options: EngineGenerateOptions,
    parseSpecial: boolean,
    signal: AbortSignal,
    process?: ProcessLogits,
  ): AsyncGenerator<GeneratedPart, void, undefined> {
    const endTurn = await this.#takeTurn(signal);
    let generation: WasmGeneration | undefined;
    const written: number[] = [];
    const begin = async () => {
      generation = await this.#useOrMove((engine) =>
        engine.generate(prompt, options, parseSpecial, Uint32Array.from(written)),
      );
      return generation;
    };
    let working = true;
    let over = false;
    const end = async () => {
      if (over) return;
      over = true;
      signal.removeEventListener("abort", onAbort);
      // Whatever keeps it from stopping will keep the next call from starting, and be told there.
      await this.#use(() => generation?.stop()).catch(() => undefined);
      // A broken engine still holds what its last call borrowed, and frees nothing.
      if (!this.#broken) generation?.free();
      endTurn();
    };
    // A reader that aborts may never come back for the error; the turn must not wait for it.
    const onAbort = () => {
      if (!working) void end();
    };
    signal.addEventListener("abort", onAbort);
    try {
      const timing = new Timing();
      let started = await begin();
      this.#timing = timing;
      timing.prompt(started);
      const ready: EnginePart[] = [];
      for (let done = false; !done;) {
        throwIfAborted(signal);
        try {
          if (ready.length === 0) ready.push(...(await this.#next(started, process, written, signal)));
        } catch (error) {
          if (error instanceof Thrown) throw error.cause as Error;
          if (!(await this.#move(error))) throw error;
          generation = undefined; // if the next cannot begin, `end` must not free this one again
          started.free();
          started = await begin();
          continue;
        }
        throwIfAborted(signal);
        const part = ready.shift();
        if (!part) throw new InternalError("The engine gave no piece of its reply.");
        const { text, ids, finishReason } = part;
        written.push(...ids);
        timing.tokens(ids.length);
        done = part.done;
        const usage = { promptTokens: timing.promptTokens, generatedTokens: timing.generatedTokens };
        const device = this.#tookOver;
        this.#tookOver = undefined;
        working = false;
        yield {
          text,
          ids,
          done,
          ...(done && { finishReason: finishReason ?? "stop", usage }),
          ...(device && { device }),
        };
        working = true;
      }
    } finally {
      await end();
    }
  }

  async #next(
    generation: WasmGeneration,
    process: ProcessLogits | undefined,
    written: number[],
    signal: AbortSignal,
  ): Promise<EnginePart[]> {
    if (!process) return this.#use(() => generation.nextFew());
    const logits = await this.#use(() => generation.logits());
    // Not among the engine's calls: it may make some.
    const processed = await unlessAborted<Float32Array>(signal, (resolve, reject) => {
      process(logits, [...written]).then(resolve, (error: unknown) => {
        reject(new Thrown("a processor of logits failed", { cause: error }));
      });
    });
    return [await this.#use(() => generation.nextFrom(processed))];
  }

  /** What a token classifier sees in a text: JSON of `[{ label, start, end, score }]`, in UTF-16 units. */
  classify(text: string, operatingPoint: string | undefined, signal: AbortSignal): Promise<string> {
    throwIfAborted(signal);
    return this.#useOrMove((engine) => {
      // Others may have had their turn first.
      throwIfAborted(signal);
      if (!engine.classify) throw new UnsupportedArchError("This build of Sotto runs no token classifiers.");
      return engine.classify(text, operatingPoint);
    });
  }

  renderChat(messages: unknown[]): Promise<string> {
    return this.#use((engine) => engine.renderChat({ messages, addGenerationPrompt: true }));
  }

  tokenize(text: string, addSpecial: boolean, parseSpecial: boolean): Promise<number[]> {
    return this.#use((engine) => Array.from(engine.tokenize(text, addSpecial, parseSpecial)));
  }

  detokenize(ids: Uint32Array): Promise<string> {
    return this.#use((engine) => engine.detokenize(ids));
  }

  stats(): Promise<Stats> {
    return this.#use((engine) => ({ ...engine.stats(), ...this.#timing.numbers() }));
  }

  async close(): Promise<void> {
    const endTurn = await this.#takeTurn(new AbortController().signal);
    await this.#call;
    if (!this.#broken) this.#engine?.free();
    this.#engine = undefined;
    endTurn();
  }

  /** Calls the engine when its call before is over: it takes one at a time. */
  #use<T>(work: (engine: WasmEngine) => T | Promise<T>): Promise<T> {
    const result = this.#call.then(async () => {
      if (this.#broken) throw this.#broken;
      if (!this.#engine)
        throw new InvalidArgumentError("This model was unloaded. Load it again with loadModel.");
      try {
        return await unlessBroken(Promise.resolve(work(this.#engine)));
      } catch (error) {
        const known = toSottoError(error);
        if (known instanceof InternalError) this.#broken = known;
        throw known;
      }
    });
    this.#call = result.catch(() => undefined);
    return result;
  }

  /** As `#use`, once more where a lost GPU made the model move to the processor. */
  async #useOrMove<T>(work: (engine: WasmEngine) => T | Promise<T>): Promise<T> {
    try {
      return await this.#use(work);
    } catch (error) {
      if (!(await this.#move(error))) throw error;
      return this.#use(work);
    }
  }

  /** Loads the model again on the processor, if the error is that of a lost GPU that may be replaced. Whether it did. */
  async #move(error: unknown): Promise<boolean> {
    const request = this.#again;
    const lost = toSottoError(error);
    if (!request || lost.code !== "E_DEVICE_LOST") return false;
    this.#again = undefined;
    const moved = this.#call.then(async () => {
      this.#engine?.free();
      this.#engine = undefined;
      // The processor has no keys and values in bytes, and refuses who asks for them.
      const engine = { ...request.engine, device: "cpu" as const, kvType: "f16" as const };
      // What is stored is taken as it is: this is no time to ask a server.
      const again = { ...request, engine, revalidate: request.store ? false : request.revalidate };
      const loaded = await this.load(again, new AbortController().signal, () => undefined);
      this.#tookOver = { ...loaded.device, reason: "the GPU was lost" };
    });
    this.#call = moved.catch(() => {
      this.#broken = lost;
    });
    await this.#call;
    return this.#broken === undefined;
  }

  /** Waits for the generations asked for before. Resolves to the function that lets the next one go. */
  async #takeTurn(signal: AbortSignal): Promise<() => void> {
    const before = this.#turn;
    let end: () => void = () => undefined;
    const mine = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#turn = before.then(() => mine);
    try {
      await unlessAborted<unknown>(signal, (resolve) => void before.then(resolve));
    } catch (error) {
      end();
      throw error;
    }
    return end;
  }
}

/** The memory of a model and of one that drafts for it. */
function both(need: MemoryNeed, draft: MemoryNeed | undefined): MemoryNeed {
  if (!draft) return need;
  return {
    ...need,
    weightBytes: need.weightBytes + draft.weightBytes,
    cacheBytes: need.cacheBytes + draft.cacheBytes,
    activationBytes: need.activationBytes + draft.activationBytes,
    totalBytes: need.totalBytes + draft.totalBytes,
  };
}

function blobFiles(
  { chunkBytes = DEFAULT_CHUNK_BYTES }: LoadRequest,
  { blobs, names }: BlobSource,
  meter: ProgressMeter,
  signal: AbortSignal,
): BlobFile[] {
  return blobs.map(
    (blob, index) => new BlobFile(names[index] ?? "model.gguf", blob, chunkBytes, meter, signal),
  );
}
