/**
 * Breakdowns of the engine. A trap in WebAssembly, or an exception that passes through it, ends in the global scope's
 * `error` event, and the promise of the call that was under way stays pending for ever. This makes that call fail.
 */
import { InternalError } from "./errors.js";

/** The work's outcome, or an `InternalError` when the engine breaks down before there is one. */
export function unlessBroken<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onError = (event: ErrorEvent) => {
      if (!passedThroughWasm(event.error)) return;
      // The caller is told, so the console need not be.
      event.preventDefault();
      reject(brokenDown(event.error));
    };
    globalThis.addEventListener("error", onError);
    void work.then(resolve, reject).finally(() => {
      globalThis.removeEventListener("error", onError);
    });
  });
}

/** What a caller is told, wherever the engine ran. */
export function brokenDown(cause?: unknown): InternalError {
  return new InternalError(
    "Sotto's engine broke down. Load the model again; if it comes back, please report it.",
    { cause },
  );
}

/** Every browser names the frames of WebAssembly so in a stack. */
function passedThroughWasm(error: unknown): boolean {
  return error instanceof Error && /wasm-function|\.wasm\b/.test(error.stack ?? "");
}
