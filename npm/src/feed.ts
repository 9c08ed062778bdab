/** Feeding the engine: the bytes it asks for, in its order, a few pieces at a time. */
import { throwIfAborted } from "./errors.js";
import { requireWhole } from "./header.js";
import type { ProgressMeter } from "./progress.js";
import type { WasmLoader } from "./wasm-api.js";
import { WINDOW, type WeightFile } from "./weights.js";

/** Writes every byte that the engine wants, and reads the others too, so that all are stored. */
export async function feed(
  loader: WasmLoader,
  files: readonly WeightFile[],
  meter: ProgressMeter,
  signal: AbortSignal,
): Promise<void> {
  const { dataBytes } = loader.info();
  const reads = readsOf(loader);
  const wholeFiles =
    reads.length === files.length &&
    reads.every((read, index) => read.file === index && read.offset === 0 && read.bytes === dataBytes[index]);
  if (!wholeFiles) {
    await feedParts(loader, files, reads, meter, signal);
    return;
  }
  for (const [index, file] of files.entries()) {
    let offset = 0;
    for await (const piece of file.pieces()) {
      throwIfAborted(signal);
      loader.write(index, offset, piece);
      offset += piece.length;
      meter.written(piece.length);
    }
    requireWhole(file, offset, dataBytes[index] ?? 0);
  }
}

/** Bytes of a file that the engine wants. */
interface Read {
  file: number;
  offset: number;
  bytes: number;
}

function readsOf(loader: WasmLoader): Read[] {
  const numbers = loader.reads();
  return Array.from({ length: numbers.length / 3 }, (_, index) => {
    const [file = 0, offset = 0, bytes = 0] = numbers.subarray(3 * index);
    return { file, offset, bytes };
  });
}

/** A piece of a file, and which of its bytes are wanted. */
interface Step {
  file: number;
  index: number;
  from: number;
  to: number;
}

async function feedParts(
  loader: WasmLoader,
  files: readonly WeightFile[],
  reads: readonly Read[],
  meter: ProgressMeter,
  signal: AbortSignal,
): Promise<void> {
  const pieces = new Pieces(files, meter);
  const steps = reads.flatMap((read) => stepsOf(read, files[read.file]?.pieceBytes ?? 1));
  for (const [at, { file, index, from, to }] of steps.entries()) {
    const bytes = await pieces.take(file, index, steps.slice(at + 1, at + 1 + 4 * WINDOW));
    throwIfAborted(signal);
    const source = files[file];
    if (!source) continue;
    const start = index * source.pieceBytes;
    requireWhole(source, start + bytes.length, Math.min(start + to, start + source.pieceBytes));
    loader.write(file, start + from, bytes.subarray(from, to));
  }
  await pieces.takeOthers(signal);
}

function stepsOf({ file, offset, bytes }: Read, pieceBytes: number): Step[] {
  const steps: Step[] = [];
  for (let at = offset; at < offset + bytes;) {
    const index = Math.floor(at / pieceBytes);
    const start = index * pieceBytes;
    const end = Math.min(start + pieceBytes, offset + bytes);
    steps.push({ file, index, from: at - start, to: end - start });
    at = end;
  }
  return steps;
}

/** Pieces that are being read or were read last: neighbouring reads share them. */
class Pieces {
  /** In the order they were last asked for. */
  readonly #held = new Map<string, Promise<Uint8Array>>();
  readonly #seen = new Set<string>();

  constructor(
    private readonly files: readonly WeightFile[],
    private readonly meter: ProgressMeter,
  ) {}

  /** A piece. Those of `next` that fit the window are read ahead. */
  async take(file: number, index: number, next: readonly Step[]): Promise<Uint8Array> {
    const piece = this.#read(file, index);
    const ahead = new Set([key(file, index)]);
    for (const step of next) {
      ahead.add(key(step.file, step.index));
      if (ahead.size > (this.files[step.file]?.parallel ?? 1)) break;
      void this.#read(step.file, step.index);
    }
    const bytes = await piece;
    if (!this.#seen.has(key(file, index))) this.meter.written(bytes.length);
    this.#seen.add(key(file, index));
    for (const old of this.#held.keys()) {
      if (this.#held.size <= 2 * WINDOW) break;
      this.#held.delete(old);
    }
    return bytes;
  }

  /** Reads what the engine did not ask for, so that the store has the files whole. */
  async takeOthers(signal: AbortSignal): Promise<void> {
    this.#held.clear();
    for (const [file, { bytes = 0, pieceBytes }] of this.files.entries()) {
      for (let index = 0; index * pieceBytes < bytes; index++) {
        if (this.#seen.has(key(file, index))) continue;
        await this.take(file, index, []);
        throwIfAborted(signal);
      }
    }
  }

  #read(file: number, index: number): Promise<Uint8Array> {
    const id = key(file, index);
    const held = this.#held.get(id);
    // Asked for again, it is the youngest.
    this.#held.delete(id);
    const piece = held ?? this.files[file]?.piece(index) ?? Promise.resolve(new Uint8Array());
    // It is awaited when its turn comes, unless an earlier one fails first.
    piece.catch(() => undefined);
    this.#held.set(id, piece);
    return piece;
  }
}

function key(file: number, index: number): string {
  return `${file}/${index}`;
}
