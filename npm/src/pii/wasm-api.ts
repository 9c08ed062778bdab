/**
 * What the small WebAssembly module offers, as `crates/web-pii` exports it. Plain data crosses as JSON text. What fails
 * throws `{ code, message, details? }`. Types only: `module.ts` is the one file that touches the module itself.
 */

export interface WasmVault {
  readonly size: number;
  entries(): string;
  restore(text: string): string;
  toBytes(): Uint8Array<ArrayBuffer>;
  free(): void;
}

export interface WasmRedaction {
  readonly text: string;
  readonly entities: string;
  free(): void;
}

export interface WasmAnalysis {
  /** The piece of text that `step` reads next. */
  piece(): string | undefined;
  /** Reads it. `model`: JSON of what a model found in it. Returns whether there is more. */
  step(model?: string, modelName?: string): boolean;
  progress(): number;
  /** Consumes the analysis. */
  finish(): string;
  free(): void;
}

export interface WasmRedactStream {
  /** Takes a part; returns whether `known` should be analysed now. */
  append(part: string): boolean;
  close(): void;
  known(): string;
  advance(found: string, last: boolean, vault: WasmVault): WasmRedaction;
  free(): void;
}

export interface WasmRestoreStream {
  push(part: string, vault: WasmVault): string;
  finish(vault: WasmVault): string;
  free(): void;
}

/** The module's exports. */
export interface PiiModule {
  checkConfig(config: string): void;
  labels(): string;
  values(config: string, shape: string, text: string): string;
  /** Entities that a caller hands back, as `redact` takes them. */
  chosen(text: string, entities: string): string;
  describe(text: string, found: string): string;
  withKnown(config: string, text: string, found: string, vault: WasmVault): string;
  redact(config: string, text: string, found: string, vault: WasmVault): WasmRedaction;
  redactParts(config: string, parts: string[], found: string, vault: WasmVault): string[];
  redactDocument(
    config: string,
    shape: string,
    text: string,
    found: string[],
    vault: WasmVault,
  ): WasmRedaction;
  restoreDocument(shape: string, text: string, vault: WasmVault): string;
  Analysis: new (config: string, text: string, field: string | undefined, pieceBytes: number) => WasmAnalysis;
  RedactStream: new (config: string, model: boolean) => WasmRedactStream;
  RestoreStream: new () => WasmRestoreStream;
  SseStream: new () => WasmRestoreStream;
  Vault: {
    new (seed: Uint8Array): WasmVault;
    fromBytes(bytes: Uint8Array): WasmVault;
  };
}
