/** What was replaced by what, and the way back. */
import { InvalidArgumentError, toSottoError } from "../errors.js";
import { decrypt, encrypt } from "./crypt.js";
import { startPii } from "./module.js";
import { type Shape, writeShape } from "./shape.js";
import type { Label } from "./types.js";
import type { PiiModule, WasmRestoreStream, WasmVault } from "./wasm-api.js";

/** A value and what stands in its place. */
export interface VaultEntry {
  label: Label;
  value: string;
  replacement: string;
}

/**
 * The values of a conversation and their replacements; one value has one replacement in it, in every text redacted with
 * it. It lives in memory and goes with the page: nothing is stored unless you store what `export` gives.
 */
export class Vault {
  readonly #wasm: PiiModule;
  readonly #inner: WasmVault;

  /** @internal */
  constructor(wasm: PiiModule, inner: WasmVault) {
    this.#wasm = wasm;
    this.#inner = inner;
  }

  /** An empty vault. A redaction without one makes its own. */
  static async create(): Promise<Vault> {
    return newVault(await startPii());
  }

  /**
   * Opens what `export` gave.
   * @throws SottoError `E_VAULT` if the passphrase is wrong or the bytes are not an exported vault.
   */
  static async import(data: BufferSource, passphrase: string): Promise<Vault> {
    if (!(data instanceof ArrayBuffer || ArrayBuffer.isView(data)) || typeof passphrase !== "string") {
      throw new InvalidArgumentError(
        "Vault.import takes the bytes of an exported vault, and its passphrase.",
      );
    }
    const view = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
    const wasm = await startPii();
    const plain = await decrypt(new Uint8Array(view), passphrase);
    return guarded(() => new Vault(wasm, wasm.Vault.fromBytes(plain)));
  }

  /** All of it, encrypted under a passphrase (AES-256-GCM, PBKDF2-SHA-256). */
  async export(passphrase: string): Promise<Uint8Array<ArrayBuffer>> {
    return encrypt(this.#inner.toBytes(), passphrase);
  }

  /** Number of values. */
  get size(): number {
    return this.#inner.size;
  }

  /** All values, in the order they came. */
  get entries(): VaultEntry[] {
    return JSON.parse(this.#inner.entries()) as VaultEntry[];
  }

  /** Puts the values back, also where a model changed a placeholder's case, spacing or brackets. */
  restore(text: string): string {
    if (typeof text !== "string") throw new InvalidArgumentError("restore takes a string.");
    return guarded(() => this.#inner.restore(text));
  }

  /** Puts the values back in a text that comes in parts. Holds back only what may still become a placeholder. */
  restoreStream(): TransformStream<string, string> {
    return restoring(new this.#wasm.RestoreStream(), this.#inner);
  }

  /** Puts the values back in a JSON text, or in a value. */
  restoreJson<T>(json: T): T {
    return this.#restoreDocument("json", json);
  }

  /** Puts the values back in chat messages, or in an endpoint's answer; arguments of tool calls stay JSON. */
  restoreMessages<T>(messages: T): T {
    return this.#restoreDocument("chat", messages);
  }

  /** Puts the values back in a CSV text, quoted as it needs. */
  restoreCsv(csv: string): string {
    return this.#restoreDocument("csv", csv);
  }

  #restoreDocument<T>(kind: Shape, document: T): T {
    const text = typeof document === "string" ? document : JSON.stringify(document);
    const restored = guarded(() => this.#wasm.restoreDocument(writeShape(kind), text, this.#inner));
    return (typeof document === "string" ? restored : JSON.parse(restored)) as T;
  }

  /** Restores the events of a streamed answer. */
  /** @internal */
  restoreEvents(): TransformStream<string, string> {
    return restoring(new this.#wasm.SseStream(), this.#inner);
  }

  /** @internal */
  get inner(): WasmVault {
    return this.#inner;
  }
}

/** A vault whose stand-ins nobody can guess. */
export function newVault(wasm: PiiModule): Vault {
  return new Vault(wasm, new wasm.Vault(crypto.getRandomValues(new Uint8Array(16))));
}

function restoring(stream: WasmRestoreStream, vault: WasmVault): TransformStream<string, string> {
  const send = (controller: TransformStreamDefaultController<string>, text: string) => {
    if (text !== "") controller.enqueue(text);
  };
  return new TransformStream({
    transform(part, controller) {
      send(
        controller,
        guarded(() => stream.push(part, vault)),
      );
    },
    flush(controller) {
      send(
        controller,
        guarded(() => stream.finish(vault)),
      );
    },
  });
}

/** What a call into the module throws, as one of the package's errors. */
export function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw toSottoError(error);
  }
}
