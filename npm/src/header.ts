/** Reading a file's header: as much of the file's front as the engine asks for. */
import { InternalError, ModelFormatError } from "./errors.js";
import type { WasmModule } from "./wasm-api.js";
import type { WeightFile } from "./weights.js";

/** Enough for most headers without a vocabulary. */
const FIRST_PREFIX_BYTES = 64 * 1024;

/** The prefix of a file that holds its whole header. */
export async function readHeader(wasm: WasmModule, file: WeightFile, parts: number): Promise<Uint8Array> {
  let need = FIRST_PREFIX_BYTES;
  let held = await file.prefix(need);
  for (;;) {
    const prefix = held.subarray(0, need);
    const parsed = wasm.parseHeader(prefix, file.bytes);
    if (parsed.status === "complete") {
      if (parsed.splitCount > 1 && parts === 1) {
        throw new ModelFormatError(
          `${file.name} is one of ${parsed.splitCount} parts of a model. Load the first part by its usual name ` +
            `(…-00001-of-${String(parsed.splitCount).padStart(5, "0")}.gguf), or pass all parts as an array of Files.`,
        );
      }
      return prefix;
    }
    if (parsed.need <= need) throw new InternalError("Reading the model's header came to a standstill.");
    if (prefix.length < need) throw truncated(file.name, prefix.length, parsed.need);
    need = parsed.need;
    if (held.length < need) held = await file.prefix(need);
  }
}

/** Throws if a file ended before what its header says it has. */
export function requireWhole(file: WeightFile, got: number, needed: number): void {
  if (got < needed) throw truncated(file.name, got, needed);
}

function truncated(name: string, got: number, needed: number): ModelFormatError {
  return new ModelFormatError(
    `${name} ends after ${got} bytes, but its header needs ${needed}. It was cut when it was copied or uploaded; get it again.`,
    { details: { got, needed } },
  );
}
