/** A finder in a dedicated worker, seen from the page. */
import { InternalError, InvalidArgumentError } from "../errors.js";
import type { Progress } from "../progress.js";
import { Client } from "../rpc.js";
import type { Finder, OpenedModel, OpenRequest, Value } from "./finder.js";

export class WorkerFinder implements Finder {
  readonly #worker: Worker;
  readonly #client: Client;

  constructor() {
    try {
      // Bundlers recognise exactly this expression.
      this.#worker = new Worker(new URL("./pii-worker.js", import.meta.url), {
        type: "module",
        name: "sotto-pii",
      });
    } catch (cause) {
      // A script on another site, or a policy that forbids it.
      throw notStarted(cause);
    }
    this.#client = new Client(this.#worker);
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#client.break(event instanceof ErrorEvent ? broken() : notStarted());
    });
  }

  open(
    request: OpenRequest,
    signal: AbortSignal,
    onProgress: (progress: Progress) => void,
  ): Promise<OpenedModel | undefined> {
    return this.#client.call("open", [request], signal, (value) => {
      onProgress(value as Progress);
    }) as Promise<OpenedModel | undefined>;
  }

  find(
    config: string,
    values: readonly Value[],
    signal: AbortSignal,
    onProgress: (fraction: number) => void,
  ): Promise<string[]> {
    return this.#client.call("find", [config, values], signal, (value) => {
      onProgress(value as number);
    }) as Promise<string[]>;
  }

  /** Ends the worker and whatever it was doing. */
  close(): Promise<void> {
    this.#worker.terminate();
    this.#client.break(
      new InvalidArgumentError("This redactor was closed. Load another with Redactor.load."),
    );
    return Promise.resolve();
  }
}

function notStarted(cause?: unknown): InternalError {
  return new InternalError(
    "Sotto's worker could not start. Serve pii-worker.js beside Sotto's other files; if the page has a " +
      "Content-Security-Policy, allow it in worker-src; or pass worker: false to run in the page.",
    { cause },
  );
}

function broken(): InternalError {
  return new InternalError(
    "Sotto's worker broke down. Load the redactor again; if it comes back, please report it.",
  );
}
