/** Finds personal data: what runs in the worker, or in the page with `worker: false`. */
import { throwIfAborted, toSottoError } from "../errors.js";
import type { Progress } from "../progress.js";
import { type ModelReader, openModel } from "./model-reader.js";
import { type ModuleSource, startPii } from "./module.js";
import type { PiiModule } from "./wasm-api.js";

/** Bytes read between two looks at the signal: a few hundredths of a second. */
const PIECE_BYTES = 256 * 1024;
/** With a model, which takes longer. */
const MODEL_PIECE_BYTES = 8 * 1024;
/** Milliseconds of work after which others get a turn. */
const TURN_MS = 30;

export interface OpenRequest {
  /** The compiled module; absent where it is started already. */
  wasm?: ModuleSource | undefined;
  model?: ModelRequest | undefined;
}

/** Which model reads along, and on what. Structured-cloneable. */
export interface ModelRequest {
  source: import("../source.js").ResolvedSource;
  name: string;
  device: "auto" | "webgpu" | "cpu";
  store: boolean;
  operatingPoint?: string | undefined;
}

/** What is known of a model that reads along. */
export interface OpenedModel {
  name: string;
  backend: "webgpu" | "cpu";
  device: string;
}

/** A text and the field it is the value of. */
export interface Value {
  text: string;
  field?: string | undefined;
}

export interface Finder {
  open(
    request: OpenRequest,
    signal: AbortSignal,
    onProgress: (progress: Progress) => void,
  ): Promise<OpenedModel | undefined>;
  /** What each text holds, as JSON for the module. */
  find(
    config: string,
    values: readonly Value[],
    signal: AbortSignal,
    onProgress: (fraction: number) => void,
  ): Promise<string[]>;
  close(): Promise<void>;
}

export class LocalFinder implements Finder {
  #wasm: PiiModule | undefined;
  #model: ModelReader | undefined;

  async open(
    { wasm, model }: OpenRequest,
    signal: AbortSignal,
    onProgress: (progress: Progress) => void,
  ): Promise<OpenedModel | undefined> {
    this.#wasm = await startPii(wasm);
    if (model) this.#model = await openModel(model, signal, onProgress);
    return this.#model?.opened;
  }

  async find(
    config: string,
    values: readonly Value[],
    signal: AbortSignal,
    onProgress: (fraction: number) => void,
  ): Promise<string[]> {
    const wasm = this.#wasm ?? (await startPii());
    const turn = new Turn();
    const found: string[] = [];
    try {
      for (const [index, { text, field }] of values.entries()) {
        throwIfAborted(signal);
        const pieceBytes = this.#model ? MODEL_PIECE_BYTES : PIECE_BYTES;
        const analysis = new wasm.Analysis(config, text, field, pieceBytes);
        for (let more = true; more;) {
          const piece = this.#model && analysis.piece();
          const spans = piece === undefined ? undefined : await this.#model?.read(piece, signal);
          more = analysis.step(spans, this.#model?.opened.name);
          if (await turn.over()) {
            throwIfAborted(signal);
            onProgress((index + analysis.progress()) / values.length);
          }
        }
        found.push(analysis.finish());
      }
    } catch (error) {
      throw toSottoError(error);
    }
    return found;
  }

  async close(): Promise<void> {
    await this.#model?.close();
    this.#model = undefined;
  }
}

/** Lets messages in between stretches of work. */
class Turn {
  #began = performance.now();

  /** Whether the turn was over and others had theirs. */
  async over(): Promise<boolean> {
    if (performance.now() - this.#began < TURN_MS) return false;
    await new Promise((resolve) => setTimeout(resolve));
    this.#began = performance.now();
    return true;
  }
}
