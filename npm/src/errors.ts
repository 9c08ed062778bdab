/**
 * Every failure is a `SottoError` with a stable `code` and a message that says what to do.
 * Messages name options, files, limits and numbers; they never hold a prompt or a reply.
 */

/** What went wrong, as a stable word to branch on. */
export type SottoErrorCode =
  | "E_NO_WEBGPU"
  | "E_NO_SIMD"
  | "E_MODEL_FORMAT"
  | "E_UNSUPPORTED_ARCH"
  | "E_INTEGRITY"
  | "E_QUOTA"
  | "E_NETWORK"
  | "E_CONTEXT_LENGTH"
  | "E_DEVICE_LOST"
  | "E_OUT_OF_MEMORY"
  | "E_ABORTED"
  | "E_GRAMMAR"
  | "E_INVALID_ARGUMENT"
  | "E_DOCUMENT_FORMAT"
  | "E_VAULT"
  | "E_INTERNAL";

/** Facts about a failure that a program may read: numbers, option names, an HTTP status. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

interface ErrorInit {
  details?: ErrorDetails | undefined;
  cause?: unknown;
}

/** The base of every error this package throws. */
export class SottoError extends Error {
  readonly code: SottoErrorCode;
  readonly details: ErrorDetails;

  constructor(code: SottoErrorCode, message: string, init: ErrorInit = {}) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = new.target.name;
    this.code = code;
    this.details = init.details ?? {};
  }
}

/** The browser, the page or the machine offers no WebGPU device. Code `E_NO_WEBGPU`. */
export class NoWebGpuError extends SottoError {
  override readonly name = "NoWebGpuError";
  constructor(message: string, init?: ErrorInit) {
    super("E_NO_WEBGPU", message, init);
  }
}

/** The browser's WebAssembly has no SIMD instructions. Code `E_NO_SIMD`. */
export class NoSimdError extends SottoError {
  override readonly name = "NoSimdError";
  constructor(message: string, init?: ErrorInit) {
    super("E_NO_SIMD", message, init);
  }
}

/** The file is not a model this package can read, or is damaged. Code `E_MODEL_FORMAT`. */
export class ModelFormatError extends SottoError {
  override readonly name = "ModelFormatError";
  constructor(message: string, init?: ErrorInit) {
    super("E_MODEL_FORMAT", message, init);
  }
}

/** The file is sound, but its architecture or block type is not supported. Code `E_UNSUPPORTED_ARCH`. */
export class UnsupportedArchError extends SottoError {
  override readonly name = "UnsupportedArchError";
  constructor(message: string, init?: ErrorInit) {
    super("E_UNSUPPORTED_ARCH", message, init);
  }
}

/** Bytes are not the bytes that were promised: a wrong hash, or a file that changed. Code `E_INTEGRITY`. */
export class IntegrityError extends SottoError {
  override readonly name = "IntegrityError";
  constructor(message: string, init?: ErrorInit) {
    super("E_INTEGRITY", message, init);
  }
}

/** The browser will not store that much for this site. Code `E_QUOTA`. */
export class QuotaError extends SottoError {
  override readonly name = "QuotaError";
  constructor(message: string, init?: ErrorInit) {
    super("E_QUOTA", message, init);
  }
}

/** A server could not be reached, refused, or kept cutting the connection. Code `E_NETWORK`. */
export class NetworkError extends SottoError {
  override readonly name = "NetworkError";
  constructor(message: string, init?: ErrorInit) {
    super("E_NETWORK", message, init);
  }
}

/** The prompt has more tokens than the model's context. Code `E_CONTEXT_LENGTH`. */
export class ContextLengthError extends SottoError {
  override readonly name = "ContextLengthError";
  constructor(message: string, init?: ErrorInit) {
    super("E_CONTEXT_LENGTH", message, init);
  }
}

/** The GPU device went away (driver reset, sleep, another tab). Code `E_DEVICE_LOST`. */
export class DeviceLostError extends SottoError {
  override readonly name = "DeviceLostError";
  constructor(message: string, init?: ErrorInit) {
    super("E_DEVICE_LOST", message, init);
  }
}

/** The GPU or the page ran out of memory. Code `E_OUT_OF_MEMORY`. */
export class OutOfMemoryError extends SottoError {
  override readonly name = "OutOfMemoryError";
  constructor(message: string, init?: ErrorInit) {
    super("E_OUT_OF_MEMORY", message, init);
  }
}

/**
 * An `AbortSignal` fired, or the work was called off. Code `E_ABORTED`; its `name` is the DOM's
 * `AbortError`, so that code written for `fetch` recognises it.
 */
export class AbortedError extends SottoError {
  override readonly name = "AbortError";
  constructor(message = "The operation was aborted.", init?: ErrorInit) {
    super("E_ABORTED", message, init);
  }
}

/** A grammar or a JSON schema that is wrong or not supported, or that no token can follow. Code `E_GRAMMAR`. */
export class GrammarError extends SottoError {
  override readonly name = "GrammarError";
  constructor(message: string, init?: ErrorInit) {
    super("E_GRAMMAR", message, init);
  }
}

/** A wrong option, request or call. Code `E_INVALID_ARGUMENT`. */
export class InvalidArgumentError extends SottoError {
  override readonly name = "InvalidArgumentError";
  constructor(message: string, init?: ErrorInit) {
    super("E_INVALID_ARGUMENT", message, init);
  }
}

/** The document is not the JSON or CSV it was said to be; `details` say where. Code `E_DOCUMENT_FORMAT`. */
export class DocumentFormatError extends SottoError {
  override readonly name = "DocumentFormatError";
  constructor(message: string, init?: ErrorInit) {
    super("E_DOCUMENT_FORMAT", message, init);
  }
}

/** An exported vault that cannot be opened: a wrong passphrase, or damaged bytes. Code `E_VAULT`. */
export class VaultError extends SottoError {
  override readonly name = "VaultError";
  constructor(message: string, init?: ErrorInit) {
    super("E_VAULT", message, init);
  }
}

/** A fault in this package. Code `E_INTERNAL`. The model it came from cannot be used again. */
export class InternalError extends SottoError {
  override readonly name = "InternalError";
  constructor(message: string, init?: ErrorInit) {
    super("E_INTERNAL", message, init);
  }
}

type ErrorClass = new (message: string, init?: ErrorInit) => SottoError;

const CLASSES: Record<SottoErrorCode, ErrorClass> = {
  E_NO_WEBGPU: NoWebGpuError,
  E_NO_SIMD: NoSimdError,
  E_MODEL_FORMAT: ModelFormatError,
  E_UNSUPPORTED_ARCH: UnsupportedArchError,
  E_INTEGRITY: IntegrityError,
  E_QUOTA: QuotaError,
  E_NETWORK: NetworkError,
  E_CONTEXT_LENGTH: ContextLengthError,
  E_DEVICE_LOST: DeviceLostError,
  E_OUT_OF_MEMORY: OutOfMemoryError,
  E_ABORTED: AbortedError,
  E_GRAMMAR: GrammarError,
  E_INVALID_ARGUMENT: InvalidArgumentError,
  E_DOCUMENT_FORMAT: DocumentFormatError,
  E_VAULT: VaultError,
  E_INTERNAL: InternalError,
};

/** An error as it crosses from the engine or a worker: `{ code, message, details }`. */
export interface PlainError {
  code: SottoErrorCode;
  message: string;
  details?: ErrorDetails;
}

function isPlainError(value: unknown): value is PlainError {
  if (typeof value !== "object" || value === null) return false;
  const { code, message } = value as Partial<PlainError>;
  return typeof code === "string" && Object.hasOwn(CLASSES, code) && typeof message === "string";
}

/** The error as a plain object that `postMessage` can carry. */
export function toPlainError(error: unknown): PlainError {
  const { code, message, details } = toSottoError(error);
  return { code, message, details };
}

/** Whatever was thrown, as a `SottoError`. */
export function toSottoError(error: unknown): SottoError {
  if (error instanceof SottoError) return error;
  if (isPlainError(error)) {
    return new CLASSES[error.code](error.message, { details: error.details });
  }
  if (error instanceof Error && error.name === "AbortError") {
    return new AbortedError(undefined, { cause: error });
  }
  if (error instanceof RangeError && /memory|allocation|buffer/i.test(error.message)) {
    return new OutOfMemoryError(
      "The page ran out of memory. Close other tabs, or load a smaller model or a shorter contextLength.",
      { cause: error },
    );
  }
  // What an unknown error says may quote text, so only its kind is passed on; the cause keeps the rest.
  const kind = error instanceof Error ? error.name : typeof error;
  return new InternalError(
    `Something broke inside Sotto (${kind}). Unload this model and load it again; if it comes back, please report it.`,
    { details: { kind }, cause: error },
  );
}

/** Throws `AbortedError` if the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AbortedError(undefined, { cause: signal.reason });
}
