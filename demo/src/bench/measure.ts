/** Measures a model through the package's public API: how fast it reads a prompt and writes, and what a token costs. */
import type { LoadOptions, Model, ModelSource } from "sotto";
import type { RandomModel } from "./random-model.js";

export interface Work {
  device: "auto" | "webgpu" | "cpu";
  /** Threads on the processor, each measured; none are the package's choice. */
  threads: readonly number[];
  /** Tokens to read, each measured with nothing before it. */
  prompts: readonly number[];
  /** Tokens in the cache before the first of `prompts` is read, each measured too. */
  depths: readonly number[];
  /** Tokens to write. */
  generate: number;
  /** Runs, of which the median counts. */
  runs: number;
}

/** One measurement, in the names of `sotto bench --json`. */
export interface Line {
  model: string | null;
  quantization: string;
  device: Model["device"];
  threads: number;
  prompt: number;
  gen: number;
  depth: number;
  load_seconds: number;
  prefill_tokens_per_second: number;
  decode_tokens_per_second: number;
  bytes_read_per_token: number;
  gigabytes_per_second: number;
  dispatches_per_token: number;
  submits_per_token: number;
  gpu_objects_created_per_token: number;
  bytes_read_back_per_token: number;
  device_bytes: number;
  wasm_bytes: number;
  browser: string;
}

type Load = (source: ModelSource, options: LoadOptions) => Promise<Model>;

/**
 * How long a device works before it is measured: what happens once, such as compiling, belongs to no measurement, and a GPU that has idled
 * runs at a fraction of its clock.
 */
const WARM_UP_MS = 500;
/** Bytes of a cached element, a half float. */
const KV_BYTES = 2;

/** Loads the model, for each number of threads, and yields a line for each of the prompts and each of the depths. */
export async function* measure(
  load: Load,
  model: RandomModel,
  work: Work,
  signal: AbortSignal,
  onWork: (what: string) => void = () => undefined,
): AsyncGenerator<Line, void, undefined> {
  for (const threads of work.threads.length > 0 ? work.threads : [undefined]) {
    yield* measureOn(threads, load, model, work, signal, onWork);
  }
}

async function* measureOn(
  threads: number | undefined,
  load: Load,
  { file, readPerToken, kvPerToken }: RandomModel,
  { device, prompts, depths, generate, runs }: Work,
  signal: AbortSignal,
  onWork: (what: string) => void,
): AsyncGenerator<Line, void, undefined> {
  const first = prompts[0] ?? 1;
  const pairs = [
    ...prompts.map((prompt): [number, number] => [prompt, 0]),
    ...depths.filter((depth) => depth > 0).map((depth): [number, number] => [first, depth]),
  ];
  const longest = Math.max(...pairs.map(([prompt, depth]) => depth + Math.max(prompt, generate)));
  const begin = performance.now();
  const contextLength = longest + generate + 1;
  const model = await load([file], { device, threads, contextLength, store: false, signal });
  const load_seconds = (performance.now() - begin) / 1000;
  try {
    const bench = new Bench(model, generate, signal);
    const warm = performance.now() + WARM_UP_MS;
    do await bench.run(Math.min(first, 32), 0);
    while (performance.now() < warm);
    for (const [prompt, depth] of pairs) {
      onWork(`reading ${prompt} tokens behind ${depth}, writing ${generate}`);
      const all: Run[] = [];
      for (let run = 0; run < runs; run++) all.push(await bench.run(prompt, depth));
      const prefill = median(all, (run) => run.prefillMs);
      const decode = median(all, (run) => run.decodeMs);
      const rate = (1000 * generate) / decode.decodeMs;
      const bytes = readPerToken + kvPerToken * KV_BYTES * (depth + Math.floor(generate / 2));
      const { deviceBytes, wasmBytes } = await model.stats();
      yield {
        model: model.info.name,
        quantization: model.info.quantization,
        device: model.device,
        threads: model.device.threads ?? 1,
        prompt,
        gen: generate,
        depth,
        load_seconds,
        prefill_tokens_per_second: (1000 * prompt) / prefill.prefillMs,
        decode_tokens_per_second: rate,
        bytes_read_per_token: bytes,
        gigabytes_per_second: (rate * bytes) / 1e9,
        dispatches_per_token: decode.dispatches / generate,
        submits_per_token: decode.submits / generate,
        gpu_objects_created_per_token: decode.gpuObjectsCreated / generate,
        bytes_read_back_per_token: decode.bytesReadBack / generate,
        device_bytes: deviceBytes,
        wasm_bytes: wasmBytes,
        browser: navigator.userAgent,
      };
    }
  } finally {
    await model.unload();
  }
}

interface Run {
  prefillMs: number;
  decodeMs: number;
  dispatches: number;
  submits: number;
  gpuObjectsCreated: number;
  bytesReadBack: number;
}

class Bench {
  #runs = 0;

  constructor(
    private readonly model: Model,
    private readonly generate: number,
    private readonly signal: AbortSignal,
  ) {}

  /** Reads `prompt` tokens behind `depth` others, then writes behind as many. */
  async run(prompt: number, depth: number): Promise<Run> {
    const seed = this.#runs++;
    // Ids past the control tokens; each run begins with another, so that nothing of the one before is in the cache.
    const vocab = this.model.info.vocabSize;
    const ids = (count: number) =>
      Uint32Array.from({ length: count }, (_, i) => 3 + ((i * 7919 + seed) % (vocab - 3)));
    if (depth > 0) await this.#write(ids(depth), 1);
    await this.#write(ids(depth + prompt), 1);
    const { firstTokenMs: prefillMs } = await this.model.stats();
    // Writing starts at the depth that was asked for, not behind the prompt that was just read.
    await this.#write(ids(Math.max(depth, 1)), 1);
    const before = await this.model.stats();
    await this.#write(ids(Math.max(depth, 1)), this.generate + 1);
    const after = await this.model.stats();
    return {
      prefillMs,
      decodeMs: after.decodeMs,
      dispatches: after.dispatches - before.dispatches,
      submits: after.submits - before.submits,
      gpuObjectsCreated: after.gpuObjectsCreated - before.gpuObjectsCreated,
      bytesReadBack: after.bytesReadBack - before.bytesReadBack,
    };
  }

  async #write(ids: Uint32Array, maxTokens: number): Promise<void> {
    const options = { maxTokens, temperature: 0, ignoreEos: true, signal: this.signal };
    const parts = this.model.generate(ids, options);
    while (!(await parts.next()).done);
  }
}

/** The run in the middle, by what `of` gives. */
function median(runs: readonly Run[], of: (run: Run) => number): Run {
  const sorted = [...runs].sort((a, b) => of(a) - of(b));
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (!middle) throw new RangeError("nothing was run");
  return middle;
}
