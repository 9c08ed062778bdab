/** A model host in a dedicated worker, seen from the page. */
import { brokenDown } from "./breakdown.js";
import { InternalError, InvalidArgumentError } from "./errors.js";
import type {
  GeneratedPart,
  Loaded,
  LoadRequest,
  ModelHost,
  ModelInspection,
  ProcessLogits,
} from "./host.js";
import type { Progress } from "./progress.js";
import { Client } from "./rpc.js";
import type { Stats } from "./timing.js";
import type { EngineGenerateOptions } from "./wasm-api.js";

export class WorkerHost implements ModelHost {
  readonly #worker: Worker;
  readonly #client: Client;

  constructor() {
    try {
      // Bundlers recognise exactly this expression.
      this.#worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "sotto" });
    } catch (cause) {
      // A script on another site, or a policy that forbids it.
      throw notStarted(cause);
    }
    this.#client = new Client(this.#worker);
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      // A script that never ran gives a bare event; one that threw tells what.
      this.#client.break(event instanceof ErrorEvent ? brokenDown() : notStarted());
    });
  }

  load(request: LoadRequest, signal: AbortSignal, onProgress: (progress: Progress) => void): Promise<Loaded> {
    return this.#client.call("load", [request], signal, (value) => {
      onProgress(value as Progress);
    }) as Promise<Loaded>;
  }

  inspect(request: LoadRequest, signal: AbortSignal): Promise<ModelInspection> {
    return this.#client.call("inspect", [request], signal) as Promise<ModelInspection>;
  }

  generate(
    prompt: string | Uint32Array,
    options: EngineGenerateOptions,
    parseSpecial: boolean,
    signal: AbortSignal,
    process?: ProcessLogits,
  ): AsyncIterable<GeneratedPart> {
    const answer = process && ((question: unknown) => process(...(question as Parameters<ProcessLogits>)));
    return this.#client.stream(
      "generate",
      [prompt, options, parseSpecial, process !== undefined],
      signal,
      answer,
    ) as AsyncIterable<GeneratedPart>;
  }

  classify(text: string, operatingPoint: string | undefined, signal: AbortSignal): Promise<string> {
    return this.#client.call("classify", [text, operatingPoint], signal) as Promise<string>;
  }

  renderChat(messages: unknown[]): Promise<string> {
    return this.#client.call("renderChat", [messages]) as Promise<string>;
  }

  tokenize(text: string, addSpecial: boolean, parseSpecial: boolean): Promise<number[]> {
    return this.#client.call("tokenize", [text, addSpecial, parseSpecial]) as Promise<number[]>;
  }

  detokenize(ids: Uint32Array): Promise<string> {
    return this.#client.call("detokenize", [ids]) as Promise<string>;
  }

  stats(): Promise<Stats> {
    return this.#client.call("stats", []) as Promise<Stats>;
  }

  /** Ends the worker, and with it the engine, its memory and whatever it was doing. */
  close(): Promise<void> {
    this.#worker.terminate();
    this.#client.break(new InvalidArgumentError("This model was unloaded. Load it again with loadModel."));
    return Promise.resolve();
  }
}

function notStarted(cause?: unknown): InternalError {
  return new InternalError(
    "Sotto's worker could not start. Serve worker.js beside Sotto's other files; if the page has a " +
      "Content-Security-Policy, allow it in worker-src; or pass worker: false to run in the page.",
    { cause },
  );
}
