/** `loadModel`, from a source and options to a `Model`, and `inspectModel`, to what there is to know before. */
import { NoWebGpuError, throwIfAborted } from "./errors.js";
import { openHandles } from "./handles.js";
import type { LoadRequest, ModelHost, ModelInspection } from "./host.js";
import { Model } from "./model.js";
import { checkOptions, rule, type Rules } from "./options.js";
import { type Progress, telling } from "./progress.js";
import { WorkerHost } from "./remote-host.js";
import { requireSimd } from "./simd.js";
import { baseUrl, type ModelSource, resolveSource } from "./source.js";
import { recallTuning } from "./tuning.js";

const QUANTIZE_TYPES = [
  "Q4_0",
  "Q4_1",
  "Q5_0",
  "Q5_1",
  "Q8_0",
  "Q2_K",
  "Q3_K",
  "Q4_K",
  "Q5_K",
  "Q6_K",
] as const;

/** A type that weights can be turned into as they load. */
export type QuantizeType = (typeof QUANTIZE_TYPES)[number];

/** How to load a model. */
export interface LoadOptions {
  /** Called as bytes arrive and as the engine takes them. */
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Gives up with `E_ABORTED`. What was downloaded stays, and the next load goes on from there. */
  signal?: AbortSignal | undefined;
  /**
   * `"auto"` (default) takes WebGPU where there is a real GPU, and the CPU where there is none or only a software
   * one. `"webgpu"` and `"cpu"` take that. The model's `device` says what was taken, and why.
   */
  device?: "auto" | "webgpu" | "cpu" | undefined;
  /**
   * A smaller model of the same family, with the same tokenizer: it drafts several tokens, which the model checks in one step.
   * Replies are the same, and come faster where the drafts are right; `stats()` counts them. It is loaded after the model, by
   * the same options, and takes memory of its own. `speculate: false` makes a reply without it.
   */
  draft?: ModelSource | undefined;
  /** Tokens that fit, prompt and reply together. Default: what the model was made for, at most 4096. Less takes less memory. */
  contextLength?: number | undefined;
  /**
   * Storage of attention keys and values on the GPU: `"f16"` takes half the memory of `"f32"`, `"q8_0"` little more than a
   * quarter, rounded to eight bits. Default: `"f16"`. The CPU has them as `"f16"` whatever is asked for, and `device: "cpu"`
   * refuses `"q8_0"`.
   */
  kvType?: "f32" | "f16" | "q8_0" | undefined;
  /**
   * Turns weight matrices that are F32, F16 or BF16 into this type as they load, so that they take less memory; the
   * download stays as it is. Default: they stay as they are. Quantised ones always do. A GPU makes `"Q4_0"` and `"Q8_0"`
   * itself, at the pace of the download; other types are made on the processor.
   */
  quantize?: QuantizeType | undefined;
  /** Keep the model in the browser's storage, so that the next load needs no network. Default true. Files are never copied. */
  store?: boolean | undefined;
  /**
   * `true`: ask the server whether a stored model changed. `false`: do not, not even for a manifest.
   * Default: manifests are asked for, everything else that is stored is used as it is.
   */
  revalidate?: boolean | undefined;
  /** Bytes of one stored piece, for sources without a manifest. Default 8 MiB. */
  chunkBytes?: number | undefined;
  /** Sent with each download request, such as `{ Authorization: "Bearer …" }`. */
  headers?: Record<string, string> | Headers | undefined;
  /** Where `hf:` names are fetched from. Default `https://huggingface.co`. */
  hfEndpoint?: string | undefined;
  /** `false` runs the engine in the page instead of a worker. Default true. */
  worker?: boolean | undefined;
  /**
   * Threads on the CPU, at most 64. Default: as many as the processor runs at once, at most 8. Pages that are not cross-origin
   * isolated, and engines in the page, get one; the model's `device` says how many there are, and why not more.
   */
  threads?: number | undefined;
  /**
   * Try which kernels are the fastest on this GPU at the first load, which takes a fraction of a second, and remember it
   * in the browser's `localStorage`. Default true; `false` takes what usually suits such a GPU.
   */
  tune?: boolean | undefined;
}

const LOAD_RULES: Rules<LoadOptions> = {
  onProgress: rule.function,
  signal: rule.signal,
  device: rule.oneOf("auto", "webgpu", "cpu"),
  draft: { must: "the source of a model", ok: (source) => source !== null },
  contextLength: rule.integer(1, 2 ** 32 - 1),
  kvType: rule.oneOf("f32", "f16", "q8_0"),
  quantize: rule.oneOf(...QUANTIZE_TYPES),
  store: rule.boolean,
  revalidate: rule.boolean,
  chunkBytes: rule.integer(4096, 64 * 2 ** 20),
  headers: rule.headers,
  hfEndpoint: rule.string,
  worker: rule.boolean,
  threads: rule.integer(1, 64),
  tune: rule.boolean,
};

/**
 * Loads a model, from the store where it is stored, else from its source and into the store.
 *
 * @param source An address of a `.gguf`, a `manifest.json` or a folder of safetensors, an `hf:owner/repo` name, or `File`s.
 * @throws SottoError `E_NO_WEBGPU`, `E_NO_SIMD`, `E_NETWORK`, `E_INTEGRITY`, `E_QUOTA`, `E_MODEL_FORMAT`, `E_UNSUPPORTED_ARCH`,
 *   `E_OUT_OF_MEMORY`, `E_DEVICE_LOST`, `E_ABORTED` or `E_INVALID_ARGUMENT`.
 */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  const checked = checkOptions(options, LOAD_RULES, "loadModel");
  const { signal = new AbortController().signal, onProgress, worker } = checked;
  const request = await requestOf(source, checked);
  const tuning = checked.tune === false || checked.device === "cpu" ? undefined : await recallTuning();
  if (tuning) request.engine.tuning = tuning.wanted;
  const host = await newHost(worker ?? true);
  try {
    const loaded = await host.load(request, signal, telling(onProgress));
    tuning?.keep(loaded.device);
    return new Model(host, loaded);
  } catch (error) {
    await host.close();
    throw error;
  }
}

/** How to inspect a model: the options of a load that bear on it. */
export type InspectOptions = Pick<
  LoadOptions,
  "signal" | "device" | "draft" | "kvType" | "quantize" | "revalidate" | "headers" | "hfEndpoint" | "worker"
>;

const { signal, device, draft, kvType, quantize, revalidate, headers, hfEndpoint, worker } = LOAD_RULES;
const INSPECT_RULES: Rules<InspectOptions> = {
  signal,
  device,
  draft,
  kvType,
  quantize,
  revalidate,
  headers,
  hfEndpoint,
  worker,
};

/**
 * What a model is and what it would take, from its headers alone: its weights are not fetched, and nothing is stored.
 *
 * @param source What `loadModel` takes.
 * @throws SottoError As `loadModel`, for what is known before weights come.
 */
export async function inspectModel(
  source: ModelSource,
  options: InspectOptions = {},
): Promise<ModelInspection> {
  const checked = checkOptions(options, INSPECT_RULES, "inspectModel");
  const request = await requestOf(source, checked);
  const host = await newHost(checked.worker ?? true);
  try {
    return await host.inspect(request, checked.signal ?? new AbortController().signal);
  } finally {
    await host.close();
  }
}

/** What a host needs to know of a model, if this page can have one at all. */
async function requestOf(source: ModelSource, options: LoadOptions): Promise<LoadRequest> {
  const { draft, hfEndpoint, device, contextLength, kvType, quantize } = options;
  const resolve = async (source: ModelSource) =>
    resolveSource(await openHandles(source), { base: baseUrl(), hfEndpoint });
  const resolved = await resolve(source);
  const resolvedDraft = draft === undefined ? undefined : await resolve(draft);
  throwIfAborted(options.signal);
  requireSecureContext();
  requireSimd();
  return {
    source: resolved,
    draft: resolvedDraft,
    engine: {
      ...(device !== undefined && { device }),
      ...(contextLength !== undefined && { contextLength }),
      ...(kvType !== undefined && { kvType }),
      ...(quantize !== undefined && { quantize }),
    },
    chunkBytes: options.chunkBytes,
    revalidate: options.revalidate,
    store: options.store ?? true,
    headers: Object.fromEntries(new Headers(options.headers)),
    threads: options.threads,
  };
}

async function newHost(worker: boolean): Promise<ModelHost> {
  if (worker) return new WorkerHost();
  const { LocalHost } = await import("./local-host.js");
  return new LocalHost();
}

/** WebGPU, storage and hashing are there only on https and localhost. */
function requireSecureContext(): void {
  if (isSecureContext) return;
  throw new NoWebGpuError(
    "Browsers offer WebGPU and storage only to secure pages. Serve this page over https, or from localhost.",
  );
}
