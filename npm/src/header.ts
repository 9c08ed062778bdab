/** Reading a model's headers: as much of each file's front as the engine asks for, and a folder's small files. */
import { HEAD_BYTES } from "./download.js";
import { InternalError, ModelFormatError } from "./errors.js";
import type { ProgressMeter } from "./progress.js";
import type { WasmFolder, WasmModule } from "./wasm-api.js";
import { type WeightFile, wholeFile } from "./weights.js";

/** What there is to know of a model before its weights. */
export interface ModelHeaders {
  /** The files of weights, open, and a prefix of each that holds its header. */
  weights: WeightFile[];
  prefixes: Uint8Array[];
  /** The small files of a folder of safetensors. Whoever opens a loader with it gives it away. */
  folder: WasmFolder | undefined;
}

/** Opens a model's files and reads their headers. */
export async function readHeaders(
  wasm: WasmModule,
  files: readonly WeightFile[],
  meter: ProgressMeter,
): Promise<ModelHeaders> {
  const isFolder = files.some(({ name }) => name === "config.json");
  const folder = isFolder ? new wasm.Folder() : undefined;
  let weights = [...files];
  if (folder) {
    const small = files.filter(({ name }) => !/\.safetensors$/i.test(name));
    for (const file of small) {
      await file.open();
      const bytes = await wholeFile(file);
      folder.insert(file.name, bytes);
      meter.written(bytes.length);
      file.release();
    }
    weights = folder.weights().map((name) => {
      const file = files.find((file) => file.name === name);
      if (file) return file;
      throw new ModelFormatError(`${name}, which the model's files name, is not among them.`);
    });
  }
  const prefixes: Uint8Array[] = [];
  for (const file of weights) {
    await file.open();
    prefixes.push(await readHeader(folder ? wasm.parseShard : wasm.parseHeader, file, weights.length));
    if (weights.length > 1) file.release();
  }
  return { weights, prefixes, folder };
}

/** The prefix of a file that holds its whole header. */
async function readHeader(
  parse: WasmModule["parseHeader"],
  file: WeightFile,
  parts: number,
): Promise<Uint8Array> {
  let need = HEAD_BYTES;
  let held = await file.prefix(need);
  for (;;) {
    const prefix = held.subarray(0, need);
    const parsed = parse(prefix, file.bytes);
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
