/** A token classifier that reads along, in the engine of `sotto`. Its WebAssembly is fetched only by who asks for a model. */
import { InvalidArgumentError, toSottoError } from "../errors.js";
import type { Progress } from "../progress.js";
import type { ModelRequest, OpenedModel } from "./finder.js";

export interface ModelReader {
  readonly opened: OpenedModel;
  /** What the model sees in a text: JSON of `[{ label, start, end, score }]`, in UTF-16 units. */
  read(text: string, signal: AbortSignal): Promise<string>;
  close(): Promise<void>;
}

export async function openModel(
  { source, store, name, device, operatingPoint }: ModelRequest,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<ModelReader> {
  const { LocalHost } = await import("../local-host.js");
  const host = new LocalHost();
  try {
    const { info, device: opened } = await host.load(
      { source, engine: { device }, chunkBytes: undefined, revalidate: false, store, headers: {} },
      signal,
      onProgress,
    );
    if (info.task !== "classify") {
      throw new InvalidArgumentError(
        `The model ${info.name ?? name} does not classify tokens. Choose a token classifier, "bundled" or false.`,
      );
    }
    // Without a text it only sees whether the model brings such a point.
    await host.classify("", operatingPoint, signal);
    return {
      opened: { name: info.name ?? name, backend: opened.backend, device: opened.name },
      read: (text, signal) => host.classify(text, operatingPoint, signal),
      close: () => host.close(),
    };
  } catch (error) {
    await host.close();
    throw toSottoError(error);
  }
}
