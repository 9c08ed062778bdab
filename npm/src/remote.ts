/**
 * Opens a model on a server: decides what the store can answer, what must be asked of the network, and which tab
 * downloads when several load the same model.
 */
import {
  IntegrityError,
  InvalidArgumentError,
  ModelFormatError,
  NetworkError,
  type SottoError,
} from "./errors.js";
import { BodyReader } from "./body.js";
import { cut, isNoFile, request, Retryable, withRetries } from "./http.js";
import { acquireLock } from "./lock.js";
import type { ProgressMeter } from "./progress.js";
import { fileName, manifestFileUrl, type RemoteSource, siblingUrl } from "./source.js";
import { checkRoom, type FileRecord, type ModelRecord, Store, storedBytes } from "./store.js";
import type { Manifest, WasmModule } from "./wasm-api.js";
import { type RemoteContext, RemoteFile } from "./weights.js";

/** Chunk size where no manifest sets one: big enough for full speed, small enough to resume closely. */
export const DEFAULT_CHUNK_BYTES = 8 * 2 ** 20;
/** Chunks are held whole in memory, several at a time. */
export const MAX_CHUNK_BYTES = 64 * 2 ** 20;
/** A manifest lists 64 bytes a chunk; one of this size would be of a terabyte. */
const MAX_MANIFEST_BYTES = 16 * 2 ** 20;

export interface RemoteOptions {
  chunkBytes: number | undefined;
  revalidate: boolean | undefined;
  store: boolean;
  headers: Readonly<Record<string, string>>;
  signal: AbortSignal;
  meter: ProgressMeter;
}

type Formats = Pick<WasmModule, "parseManifest" | "splitPartNames">;

/** A model open for reading. `close` must be called, whatever happened. */
export class RemoteModel {
  private constructor(
    readonly files: RemoteFile[],
    private readonly context: RemoteContext,
    private readonly unlock: (() => void) | undefined,
  ) {}

  static async open(source: RemoteSource, options: RemoteOptions, formats: Formats): Promise<RemoteModel> {
    const store = options.store ? await Store.open() : undefined;
    let unlock: (() => void) | undefined;
    try {
      let record = await store?.model(source.id);
      let wanted = await describe(source, options, formats, record);
      if (store && !(record?.complete && record.manifest === wanted.manifest && !options.revalidate)) {
        const { signal, meter } = options;
        let waited = false as boolean;
        const onWait = () => {
          waited = true;
          meter.file = source.name;
          meter.wait();
        };
        unlock = await acquireLock(`sotto:${source.id}`, { signal, onWait });
        // Whoever held the lock may have stored all of it meanwhile, or a newer version than the manifest read here.
        const before = record?.generation;
        record = await store.model(source.id);
        if (waited || record?.generation !== before)
          wanted = await describe(source, options, formats, record);
      }
      if (record?.manifest !== wanted.manifest) {
        record = { ...wanted, createdAt: record?.createdAt ?? wanted.createdAt };
        await store?.begin(record);
      }
      const context: RemoteContext = {
        record,
        store,
        present: (await store?.chunkHashes()) ?? new Set(),
        revalidate: options.revalidate === true && record.manifest === null,
        headers: options.headers,
        meter: options.meter,
        signal: options.signal,
      };
      const files = record.files.map(
        (file, index) => new RemoteFile(fileName(new URL(file.url)), index, context),
      );
      return new RemoteModel(files, context, unlock);
    } catch (error) {
      unlock?.();
      store?.close();
      throw error;
    }
  }

  /** Throws `E_QUOTA` if what is missing cannot fit. Every file must be open. */
  async checkRoom(): Promise<void> {
    const { store, record, present } = this.context;
    if (!store) return;
    const missing = record.files.map(
      (file) => (file.bytes ?? 0) - storedBytes(file, record.chunkBytes, present),
    );
    const needed = missing.reduce((sum, bytes) => sum + bytes, 0);
    if (needed > 0) await checkRoom(needed);
  }

  /** Every byte was read: the model is whole. */
  async complete(): Promise<void> {
    const { store, record } = this.context;
    if (record.complete) await store?.touch(record.id);
    else await store?.complete(record);
  }

  /** Forgets stored bytes that would make the next load fail in the same way, and a record that has none. */
  async failed(error: SottoError): Promise<void> {
    const { store, record, present } = this.context;
    const useless =
      (error instanceof ModelFormatError && !isNoFile(error)) ||
      (error instanceof IntegrityError && error.details.reason === "changed");
    const nothing = record.files.every((file) => storedBytes(file, record.chunkBytes, present) === 0);
    if (useless || nothing) await store?.delete(record.id, record.generation);
  }

  close(): void {
    for (const file of this.files) file.release();
    this.context.store?.close();
    this.unlock?.();
  }
}

/** The record a fresh download of the source would begin with. */
async function describe(
  source: RemoteSource,
  options: RemoteOptions,
  formats: Formats,
  known: ModelRecord | undefined,
): Promise<ModelRecord> {
  const now = Date.now();
  const record = {
    id: source.id,
    generation: crypto.randomUUID(),
    complete: false,
    createdAt: now,
    usedAt: now,
  };
  if (source.kind === "gguf") {
    const chunkBytes = options.chunkBytes ?? DEFAULT_CHUNK_BYTES;
    const files = partUrls(source, formats).map((url): FileRecord => ({
      url,
      bytes: null,
      validator: null,
      hashes: [],
    }));
    return { ...record, name: source.name, chunkBytes, manifest: null, files };
  }
  const text = await manifestText(source, options, known);
  const manifest = formats.parseManifest(text);
  const { chunkBytes } = manifest;
  if (chunkBytes > MAX_CHUNK_BYTES) {
    throw new ModelFormatError(
      `${source.name} has chunks of ${chunkBytes} bytes; at most ${MAX_CHUNK_BYTES} are supported. ` +
        "Make it again with a smaller --chunk-mib.",
    );
  }
  return {
    ...record,
    name: manifest.name,
    chunkBytes,
    manifest: text,
    files: manifestFiles(source, manifest),
  };
}

function manifestFiles(source: RemoteSource, manifest: Manifest): FileRecord[] {
  const files = manifest.files
    .filter((file) => /\.gguf$/i.test(file.path))
    .map(({ path, bytes, chunks }) => ({
      url: manifestFileUrl(source.url, path),
      bytes,
      validator: null,
      hashes: chunks.map((hash) => hash.toLowerCase()),
    }));
  if (files.length === 0) throw new ModelFormatError(`${source.name} names no .gguf file.`);
  return files;
}

function partUrls(source: RemoteSource, formats: Formats): string[] {
  const names = formats.splitPartNames(source.name);
  if (!names) return [source.url];
  if (names[0] !== source.name) {
    throw new InvalidArgumentError(
      `${source.name} is not the first part of its model. Load ${names[0] ?? "the first"} instead.`,
    );
  }
  return names.map((name) => siblingUrl(source.url, name));
}

/**
 * The manifest is small and is how updates arrive, so the server is asked each time, unless `revalidate` is false.
 * With the model stored whole, being offline is no reason to fail.
 */
async function manifestText(
  source: RemoteSource,
  options: RemoteOptions,
  known: ModelRecord | undefined,
): Promise<string> {
  const stored = known?.complete === true ? known.manifest : null;
  if (stored !== null && options.revalidate === false) return stored;
  const { headers, signal } = options;
  try {
    return await withRetries(
      signal,
      async () => limitedText(await request(source.url, { headers, signal }), source.name),
      () => false,
    );
  } catch (error) {
    // Networks that want a sign-in first answer everything with a web page.
    const offline = error instanceof NetworkError || isNoFile(error);
    if (stored !== null && offline && options.revalidate === undefined) return stored;
    throw error;
  }
}

async function limitedText(response: Response, name: string): Promise<string> {
  const body = new BodyReader(response);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (;;) {
    const piece = new Uint8Array(1 << 16);
    const got = await body.readInto(piece);
    if (got === 0) break;
    pieces.push(piece.subarray(0, got));
    if (body.position <= MAX_MANIFEST_BYTES) continue;
    body.cancel();
    throw new ModelFormatError(`${name} is too big to be a manifest.`);
  }
  if (body.broken) throw new Retryable(cut(response.url, body.position, undefined));
  return new Blob(pieces).text();
}
