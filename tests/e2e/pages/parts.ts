/** The package's loader without its engine, for the page of the store and download tests. */
import { toSottoError } from "../../../npm/src/errors.ts";
import { type Progress, ProgressMeter } from "../../../npm/src/progress.ts";
import { RemoteModel } from "../../../npm/src/remote.ts";
import { sha256 } from "../../../npm/src/sha256.ts";
import { resolveSource } from "../../../npm/src/source.ts";
import { deleteModel, listModels } from "../../../npm/src/storage.ts";
import type { StoredModel } from "../../../npm/src/store.ts";
import type { Manifest } from "../../../npm/src/wasm-api.ts";

export interface FetchOptions {
  chunkBytes?: number;
  revalidate?: boolean;
  store?: boolean;
  /** Abort after this many bytes were given out. */
  abortAfter?: number;
}

/** What came of reading a model through the store. */
export interface Fetched {
  /** SHA-256 of each file's bytes, as they would go to the engine. */
  files?: string[];
  error?: { code: string; message: string; name: string; details: Record<string, unknown> };
  progress: Progress[];
}

/** Reads every byte of a model as the engine would. */
async function read(url: string, options: FetchOptions = {}): Promise<Fetched> {
  const progress: Progress[] = [];
  const meter = new ProgressMeter((p) => progress.push(p));
  const abort = new AbortController();
  const source = resolveSource(url, { base: document.baseURI });
  if (source.kind === "blobs") throw new Error("not a URL");
  let model: RemoteModel | undefined;
  try {
    const { chunkBytes, revalidate, store = true, abortAfter = Infinity } = options;
    const formats = {
      // Trusted here: the tests write these manifests. The engine's parser has tests of its own.
      parseManifest: (json: string) => JSON.parse(json) as Manifest,
      splitPartNames: () => undefined,
      get Folder(): never {
        throw new Error("these tests read no folders");
      },
    };
    const remote = { chunkBytes, revalidate, store, headers: {}, signal: abort.signal, meter };
    model = await RemoteModel.open(source, remote, formats);
    for (const file of model.files) {
      await file.open();
      await file.prefix(100);
      if (model.files.length > 1) file.release();
    }
    await model.checkRoom();
    const files: string[] = [];
    for (const file of model.files) {
      const pieces: Uint8Array<ArrayBuffer>[] = [];
      let got = 0;
      for await (const piece of file.pieces()) {
        pieces.push(piece as Uint8Array<ArrayBuffer>);
        got += piece.length;
        meter.written(piece.length);
        if (got >= abortAfter) abort.abort();
      }
      files.push(await sha256(new Uint8Array(await new Blob(pieces).arrayBuffer())));
    }
    await model.complete();
    return { files, progress };
  } catch (thrown) {
    const error = toSottoError(thrown);
    if (error.code === "E_INTERNAL") throw thrown;
    await model?.failed(error);
    const { code, message, name, details } = error;
    return { error: { code, message, name, details }, progress };
  } finally {
    model?.close();
  }
}

/** Everything in the store: models, and the sizes of all chunks by hash. */
async function contents(): Promise<{ models: StoredModel[]; chunks: Record<string, number> }> {
  const models = await listModels();
  const chunks: Record<string, number> = {};
  await eachChunk((cursor) => {
    chunks[cursor.key as string] = (cursor.value as ArrayBuffer).byteLength;
  });
  return { models, chunks };
}

/** Flips a bit in each stored chunk that `which` picks by its position. */
async function damage(which: (index: number) => boolean): Promise<number> {
  let index = 0;
  let damaged = 0;
  await eachChunk((cursor) => {
    if (!which(index++)) return;
    const bytes = new Uint8Array((cursor.value as ArrayBuffer).slice(0));
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    cursor.update(bytes.buffer);
    damaged++;
  });
  return damaged;
}

function eachChunk(visit: (cursor: IDBCursorWithValue) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("sotto");
    opening.onerror = () => {
      reject(new Error("the store cannot be opened"));
    };
    opening.onsuccess = () => {
      const tx = opening.result.transaction("chunks", "readwrite");
      tx.oncomplete = () => {
        opening.result.close();
        resolve();
      };
      tx.objectStore("chunks").openCursor().onsuccess = (event) => {
        const cursor = (event.target as IDBRequest<IDBCursorWithValue | null>).result;
        if (!cursor) return;
        visit(cursor);
        cursor.continue();
      };
    };
  });
}

const parts = { read, contents, damage, deleteModel };
Object.assign(globalThis, { parts });

export type Parts = typeof parts;
