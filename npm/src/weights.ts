/**
 * A model's files as the engine reads them: a header prefix first, then every byte in order. Bytes come from the
 * store if they are there and sound, else from the network and into the store.
 */
import { Download, type DownloadOptions } from "./download.js";
import { IntegrityError, NetworkError, throwIfAborted } from "./errors.js";
import type { ProgressMeter } from "./progress.js";
import { sha256 } from "./sha256.js";
import { shownUrl } from "./source.js";
import { chunkLength, type FileRecord, type ModelRecord, type Store, storedBytes } from "./store.js";

/** Chunks read ahead of the engine, the one it is taking included. */
export const WINDOW = 4;

export interface WeightFile {
  readonly name: string;
  /** Length; `undefined` until the end was seen, where a server does not tell. */
  readonly bytes: number | undefined;
  /** Finds out what there is to read. Comes before anything else. */
  open(): Promise<void>;
  /** At least the first `length` bytes, or all there are. */
  prefix(length: number): Promise<Uint8Array>;
  /** The whole file, piece by piece, in order. */
  pieces(): AsyncIterable<Uint8Array>;
  /** Bytes of a piece; the last may have fewer. */
  readonly pieceBytes: number;
  /** Pieces that may be read at once. */
  readonly parallel: number;
  /** Piece `index`: empty past the end. */
  piece(index: number): Promise<Uint8Array>;
  /** Lets connections go. Reading may go on later, with a new one. */
  release(): void;
}

/** A file the visitor picked, read in slices and not copied into the store. */
export class BlobFile implements WeightFile {
  constructor(
    readonly name: string,
    private readonly blob: Blob,
    readonly pieceBytes: number,
    private readonly meter: ProgressMeter,
    private readonly signal: AbortSignal,
  ) {}

  get bytes(): number {
    return this.blob.size;
  }

  open(): Promise<void> {
    this.meter.total += this.bytes;
    this.meter.downloaded(this.bytes);
    return Promise.resolve();
  }

  prefix(length: number): Promise<Uint8Array> {
    return this.#read(0, length);
  }

  readonly parallel = 1;

  async *pieces(): AsyncIterable<Uint8Array> {
    for (let at = 0; at < this.bytes; at += this.pieceBytes) yield await this.#read(at, this.pieceBytes);
  }

  piece(index: number): Promise<Uint8Array> {
    return this.#read(index * this.pieceBytes, this.pieceBytes);
  }

  async #read(start: number, length: number): Promise<Uint8Array> {
    throwIfAborted(this.signal);
    try {
      return new Uint8Array(await this.blob.slice(start, start + length).arrayBuffer());
    } catch (cause) {
      throw new IntegrityError(
        `${this.name} can no longer be read. It was moved, changed or deleted since it was picked; pick it again.`,
        { cause },
      );
    }
  }

  release(): void {
    // Slices hold nothing open.
  }
}

/** What the files of one remote model share. `store` is absent when the model is not to be kept. */
export interface RemoteContext {
  record: ModelRecord;
  store: Store | undefined;
  /** Hashes of the chunks that are in the store, as far as this load knows. */
  present: Set<string>;
  /** Ask the server even for a file that is stored whole. */
  revalidate: boolean;
  headers: Readonly<Record<string, string>>;
  meter: ProgressMeter;
  signal: AbortSignal;
}

/** A file on a server, backed by the store. */
export class RemoteFile implements WeightFile {
  #download: Download | undefined;
  /** Chunks of a model that is not kept, from the header's reading until the engine takes them. */
  readonly #unkept = new Map<number, Uint8Array<ArrayBuffer>>();

  constructor(
    readonly name: string,
    private readonly index: number,
    private readonly context: RemoteContext,
  ) {}

  get bytes(): number | undefined {
    return this.#record.bytes ?? this.#download?.total;
  }

  get #record(): FileRecord {
    const record = this.context.record.files[this.index];
    if (!record) throw new RangeError("no such file in the model record");
    return record;
  }

  /** Whether the store has all of it. */
  get #whole(): boolean {
    const { bytes, hashes } = this.#record;
    if (bytes === null) return false;
    const count = Math.ceil(bytes / this.context.record.chunkBytes);
    if (hashes.length < count) return false;
    return hashes.every((hash) => hash !== null && this.context.present.has(hash));
  }

  async open(): Promise<void> {
    const { context } = this;
    context.meter.file = this.name;
    if (!this.#whole || context.revalidate) await this.#revalidate();
    const have = storedBytes(this.#record, context.record.chunkBytes, context.present);
    context.meter.total += this.bytes ?? 0;
    context.meter.downloaded(have);
  }

  /** Asks the server which version it has, and forgets chunks of another one. */
  async #revalidate(): Promise<void> {
    const { record, present } = this.context;
    const begun = this.#record.hashes.some((hash) => hash !== null && present.has(hash));
    const download = this.#newDownload();
    this.#download = download;
    await download.open({ body: !begun });
    if (record.manifest !== null) {
      this.#checkManifestLength(download.total);
      return;
    }
    const facts = { bytes: download.total ?? null, validator: download.validator ?? null };
    const { bytes, validator } = this.#record;
    // Without an ETag or a date nothing says that stored bytes and the server's are of one version.
    const same = facts.validator !== null && facts.validator === validator && facts.bytes === bytes;
    if (!same) await this.#set({ ...facts, hashes: [] });
  }

  async #set(facts: Partial<FileRecord>): Promise<void> {
    const { store, record } = this.context;
    if (store) await store.setFile(record, this.index, facts);
    else Object.assign(this.#record, facts);
  }

  #checkManifestLength(total: number | undefined): void {
    if (total === undefined || total === this.#record.bytes) return;
    throw new IntegrityError(
      `${this.name} has ${total} bytes on the server, but the manifest says ${this.#record.bytes ?? 0}. ` +
        "The upload is unfinished or the manifest is of another version; tell whoever serves the model.",
      { details: { reason: "length", expected: this.#record.bytes, actual: total } },
    );
  }

  async prefix(length: number): Promise<Uint8Array> {
    // Bytes that have a hash are checked before they are used, chunk by chunk; of others no more is fetched than is used.
    if (this.#record.hashes[0] !== undefined) return this.#chunksUpTo(length);
    return this.#repairing(async (download) => {
      const head = await download.head(length);
      await this.#learnLength(download);
      return head;
    });
  }

  async #chunksUpTo(length: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let got = 0;
    for (let index = 0; got < length && !this.#isPast(index); index++) {
      const chunk = await this.#chunk(index);
      if (chunk.length === 0) break;
      if (!this.context.store) this.#unkept.set(index, chunk);
      chunks.push(chunk);
      got += chunk.length;
    }
    return joined(chunks);
  }

  get pieceBytes(): number {
    return this.context.record.chunkBytes;
  }

  /** A body that is cut up as it comes has one reader; ranges can be fetched side by side. */
  get parallel(): number {
    return !this.#download || this.#download.ranges ? WINDOW : 1;
  }

  piece(index: number): Promise<Uint8Array> {
    this.context.meter.file = this.name;
    return this.#isPast(index) ? Promise.resolve(new Uint8Array()) : this.#chunk(index);
  }

  async *pieces(): AsyncIterable<Uint8Array> {
    this.context.meter.file = this.name;
    const queue: Promise<Uint8Array>[] = [];
    let next = 0;
    for (;;) {
      while (queue.length < this.parallel && !this.#isPast(next)) {
        const chunk = this.#chunk(next++);
        // It is awaited below, unless an earlier one fails first.
        chunk.catch(() => undefined);
        queue.push(chunk);
      }
      const piece = await queue.shift();
      if (!piece || piece.length === 0) return;
      yield piece;
    }
  }

  release(): void {
    this.#download?.pause();
  }

  #isPast(index: number): boolean {
    return this.bytes !== undefined && index * this.context.record.chunkBytes >= this.bytes;
  }

  async #chunk(index: number): Promise<Uint8Array<ArrayBuffer>> {
    throwIfAborted(this.context.signal);
    const unkept = this.#unkept.get(index);
    if (unkept) {
      this.#unkept.delete(index);
      return unkept;
    }
    const expected = this.#record.hashes[index] ?? undefined;
    if (expected !== undefined && this.context.store && this.context.present.has(expected)) {
      const stored = await this.context.store.chunk(expected);
      if (stored) return stored;
      // It was counted as there when the file was opened.
      this.context.present.delete(expected);
      this.context.meter.downloaded(-chunkLength(this.bytes ?? 0, this.context.record.chunkBytes, index));
    }
    return this.#fetch(index, expected);
  }

  /** Chunk `index` from the server, checked, and kept. */
  #fetch(index: number, expected: string | undefined): Promise<Uint8Array<ArrayBuffer>> {
    return this.#repairing(async (download) => {
      const bytes = await this.#fetchChecked(download, index, expected);
      await this.#learnLength(download);
      if (bytes.length > 0) await this.#keep(index, bytes);
      return bytes;
    });
  }

  /** Reads from the server, which is gone back to where everything was thought to be stored. */
  async #repairing<T>(work: (download: Download) => Promise<T>): Promise<T> {
    const repair = this.#download === undefined;
    try {
      this.#download ??= await this.#reopen();
      return await work(this.#download);
    } catch (error) {
      if (!repair || !(error instanceof NetworkError)) throw error;
      throw new IntegrityError(
        `A stored part of ${this.name} was damaged, and could not be fetched again: ${error.message}`,
        { details: { reason: "damaged" }, cause: error },
      );
    }
  }

  async #fetchChecked(
    download: Download,
    index: number,
    expected: string | undefined,
  ): Promise<Uint8Array<ArrayBuffer>> {
    for (let tries = 0; ; tries++) {
      const bytes = await download.chunk(index);
      if (expected === undefined || bytes.length === 0 || (await sha256(bytes)) === expected) return bytes;
      this.context.meter.downloaded(-bytes.length);
      // Once more: a proxy or a flaky link may have spoilt it.
      if (tries > 0) throw this.#wrongHash(index);
    }
  }

  /** Goes back to the server for a chunk that was stored but is missing or damaged now. */
  async #reopen(): Promise<Download> {
    const download = this.#newDownload();
    await download.open({ body: false });
    const { validator, bytes } = this.#record;
    const other = download.total !== undefined && download.total !== bytes;
    const newer = download.validator !== undefined && validator !== null && download.validator !== validator;
    if (this.context.record.manifest === null && (other || newer)) {
      throw new IntegrityError(
        `A stored part of ${this.name} was damaged, and the server has another version now. Load the model again to get it.`,
        { details: { reason: "changed" } },
      );
    }
    return download;
  }

  #newDownload(): Download {
    const { record, headers, signal, meter } = this.context;
    const options: DownloadOptions = {
      chunkBytes: record.chunkBytes,
      headers,
      signal,
      onBytes: (bytes) => {
        meter.downloaded(bytes);
      },
    };
    return new Download(this.#record.url, options);
  }

  async #keep(index: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const { store, record, present } = this.context;
    if (!store) return;
    const hash = await sha256(bytes);
    await store.putChunk(record, this.index, index, hash, bytes);
    present.add(hash);
  }

  /** Where a server does not tell the length, the end of the body does: with the last chunk, or one byte past it. */
  async #learnLength({ total }: Download): Promise<void> {
    if (total === undefined || this.#record.bytes !== null) return;
    await this.#set({ bytes: total });
    this.context.meter.total += total;
  }

  #wrongHash(index: number): IntegrityError {
    return new IntegrityError(
      `Part ${index} of ${shownUrl(this.#record.url)} does not have the SHA-256 it should have. The file on the server ` +
        "is damaged or was replaced; load again later, or tell whoever serves it.",
      { details: { reason: "hash", chunk: index } },
    );
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces;
  if (only && pieces.length === 1) return only;
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** The whole of a small file. */
export async function wholeFile(file: WeightFile): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of file.pieces()) pieces.push(piece);
  return joined(pieces);
}
