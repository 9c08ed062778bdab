/** A token classifier that reads along, in the engine of `sotto`. Its WebAssembly is fetched only by who asks for a model. */
import { InvalidArgumentError, NoWebGpuError, toSottoError } from "../errors.js";
import type { Progress } from "../progress.js";
import type { ModelRequest, OpenedModel } from "./finder.js";

export interface ModelReader {
  readonly opened: OpenedModel;
  /** What the model sees in a text: JSON of `[{ label, start, end, score }]`, in UTF-16 units. */
  read(text: string, signal: AbortSignal): Promise<string>;
  close(): Promise<void>;
}

/** Loads a model on the GPU if there is one, else, unless the GPU was asked for, on the processor. */
export async function openModel(
  request: ModelRequest,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<ModelReader> {
  const devices = request.device === "auto" ? (["webgpu", "cpu"] as const) : ([request.device] as const);
  for (const device of devices) {
    try {
      return await openOn(device, request, signal, onProgress);
    } catch (error) {
      if (device !== "webgpu" || devices.length === 1 || !(error instanceof NoWebGpuError)) throw error;
    }
  }
  throw new InvalidArgumentError("There is no device to run the model on.");
}

async function openOn(
  device: "webgpu" | "cpu",
  { source, store, name }: ModelRequest,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<ModelReader> {
  const { LocalHost } = await import("../host.js");
  const host = new LocalHost();
  try {
    const loaded = await host.load(
      { source, engine: { device }, chunkBytes: undefined, revalidate: false, store, headers: {} },
      signal,
      onProgress,
    );
    return {
      opened: { name: loaded.info.name ?? name, backend: loaded.device.backend, device: loaded.device.name },
      read: (text, signal) => host.classify(text, signal),
      close: () => host.close(),
    };
  } catch (error) {
    await host.close();
    throw toSottoError(error);
  }
}
