/**
 * Models in IndexedDB. Two tables: `chunks` holds bytes under their SHA-256, `models` holds one record a
 * model, which names the chunks it owns. A chunk lives as long as some record names it, so two versions of a
 * model share what did not change. There are no counters to drift: what is unreferenced is worked out from the
 * records. Every change is one transaction, so a tab that closes at any moment leaves a consistent store.
 */
import { type DBSchema, type IDBPDatabase, type IDBPObjectStore, openDB } from "idb";
import { AbortedError, QuotaError, SottoError } from "./errors.js";
import { sha256 } from "./sha256.js";

/** One file of a model. `hashes[i]` is chunk `i`'s SHA-256, or `null` until it is known. */
export interface FileRecord {
  url: string;
  /** Of a file of a folder, its path there. */
  path?: string;
  /** Length in bytes; `null` until a server told it. */
  bytes: number | null;
  /** The ETag or Last-Modified the bytes came with; `null` when the server gives neither. */
  validator: string | null;
  hashes: (string | null)[];
}

/** One model: its files and the chunks they are made of. */
export interface ModelRecord {
  /** The address it was loaded from. */
  id: string;
  name: string;
  /** Changes whenever the record is begun anew, as a whole or in one file, so that a slower tab cannot write into its successor. */
  generation: string;
  chunkBytes: number;
  /** The text of the manifest, for models that have one. */
  manifest: string | null;
  files: FileRecord[];
  /** Whether every chunk was stored. */
  complete: boolean;
  createdAt: number;
  usedAt: number;
}

/** A model in the store, as `listModels` tells it. */
export interface StoredModel {
  /** What `loadModel` and `deleteModel` take. */
  id: string;
  name: string;
  /** Bytes of the whole model, as far as known. */
  bytes: number;
  /** Bytes of it that are stored. Less than `bytes` when a download was cut; loading resumes it. */
  storedBytes: number;
  complete: boolean;
  files: number;
  createdAt: Date;
  usedAt: Date;
}

interface Schema extends DBSchema {
  chunks: { key: string; value: ArrayBuffer };
  models: { key: string; value: ModelRecord };
}

/** Bytes of chunk `index` of a file that is `bytes` long. */
export function chunkLength(bytes: number, chunkBytes: number, index: number): number {
  return Math.max(0, Math.min(chunkBytes, bytes - index * chunkBytes));
}

type Table = "chunks" | "models";
type Mode = "readonly" | "readwrite";

/** What a transaction works on. */
interface Tables<M extends Mode> {
  models: IDBPObjectStore<Schema, Table[], "models", M>;
  chunks: IDBPObjectStore<Schema, Table[], "chunks", M>;
}

// Losing power may lose the last chunks written; they are verified when read and fetched again.
const RELAXED = { durability: "relaxed" } as const;

export class Store {
  #connection: Promise<IDBPDatabase<Schema>> | undefined;
  #closed = false;

  static async open(): Promise<Store> {
    const store = new Store();
    await store.#connect();
    return store;
  }

  close(): void {
    this.#closed = true;
    // One that never opened is nothing to close.
    this.#connection?.then(
      (db) => {
        db.close();
      },
      () => undefined,
    );
  }

  model(id: string): Promise<ModelRecord | undefined> {
    return this.#transact("readonly", ({ models }) => models.get(id));
  }

  /** Puts a record in place of any that has its id. The old one's chunks stay until `complete` or `delete`. */
  async begin(record: ModelRecord): Promise<void> {
    await this.#transact("readwrite", ({ models }) => models.put(record));
  }

  /**
   * Changes what is known of one file. Other hashes make another version of the model: it is no longer complete, and a
   * tab that still reads the version before may not write into it or delete it.
   */
  async setFile(record: ModelRecord, file: number, facts: Partial<FileRecord>): Promise<void> {
    const generation = crypto.randomUUID();
    const change = (changed: ModelRecord) => {
      Object.assign(fileOf(changed, file), facts);
      if (facts.hashes) Object.assign(changed, { complete: false, generation });
    };
    await this.#transact(
      "readwrite",
      async ({ models }) => {
        const changed = sameGeneration(await models.get(record.id), record);
        change(changed);
        await models.put(changed);
      },
      RELAXED,
    );
    change(record);
  }

  /** Stores one chunk and makes the record own it, in one transaction. */
  async putChunk(
    record: ModelRecord,
    file: number,
    index: number,
    hash: string,
    bytes: Uint8Array,
  ): Promise<void> {
    await this.#transact(
      "readwrite",
      async ({ models, chunks }) => {
        const changed = sameGeneration(await models.get(record.id), record);
        fileOf(changed, file).hashes[index] = hash;
        await Promise.all([models.put(changed), chunks.put(exactBuffer(bytes), hash)]);
      },
      RELAXED,
    );
    fileOf(record, file).hashes[index] = hash;
  }

  /**
   * A chunk's bytes, checked against its hash. A chunk that fails the check is dropped.
   * @returns `undefined` when it is not there, or was damaged.
   */
  async chunk(hash: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const buffer = await this.#transact("readonly", ({ chunks }) => chunks.get(hash));
    if (!buffer) return undefined;
    const bytes = new Uint8Array(buffer);
    if ((await sha256(bytes)) === hash) return bytes;
    await this.#transact("readwrite", ({ chunks }) => chunks.delete(hash));
    return undefined;
  }

  /** The hashes of all chunks that are stored. */
  async chunkHashes(): Promise<Set<string>> {
    return new Set(await this.#transact("readonly", ({ chunks }) => chunks.getAllKeys()));
  }

  /** Marks the record complete and drops chunks that no record names any more. */
  async complete(record: ModelRecord): Promise<void> {
    await this.#transact("readwrite", async (tables) => {
      const current = sameGeneration(await tables.models.get(record.id), record);
      await tables.models.put({ ...current, complete: true, usedAt: Date.now() });
      await sweep(tables);
    });
    record.complete = true;
  }

  /** Notes that the model was used now. */
  async touch(id: string): Promise<void> {
    await this.#transact(
      "readwrite",
      async ({ models }) => {
        const current = await models.get(id);
        if (current) await models.put({ ...current, usedAt: Date.now() });
      },
      RELAXED,
    );
  }

  /** Drops a model and the chunks only it named. With a generation, only if the record is still that one. */
  delete(id: string, generation?: string): Promise<boolean> {
    return this.#transact("readwrite", async (tables) => {
      const current = await tables.models.get(id);
      if (!current || (generation !== undefined && current.generation !== generation)) return false;
      await tables.models.delete(id);
      await sweep(tables);
      return true;
    });
  }

  async list(): Promise<StoredModel[]> {
    const [records, hashes] = await this.#transact("readonly", ({ models, chunks }) =>
      Promise.all([models.getAll(), chunks.getAllKeys()]),
    );
    const present = new Set(hashes);
    return records.map((record) => describe(record, present)).sort((a, b) => +b.usedAt - +a.usedAt);
  }

  /** The open database; opens it again when the browser or another tab closed it. */
  async #connect(): Promise<IDBPDatabase<Schema>> {
    if (this.#closed) throw new AbortedError("The load was over before its storage work was.");
    this.#connection ??= this.#open();
    try {
      return await this.#connection;
    } catch (error) {
      this.#connection = undefined;
      throw await storageError(error);
    }
  }

  #open(): Promise<IDBPDatabase<Schema>> {
    const connection = openDatabase(() => {
      if (this.#connection === connection) this.#connection = undefined;
    });
    return connection;
  }

  /** Runs `work` in one transaction, so that all of it happens or nothing does. */
  async #transact<M extends Mode, T>(
    mode: M,
    work: (tables: Tables<M>) => Promise<T>,
    options?: IDBTransactionOptions,
  ): Promise<T> {
    const tx = await this.#begin(mode, options);
    // It may fail before `work` is over, and is awaited only after it.
    tx.done.catch(() => undefined);
    try {
      const result = await work({ models: tx.objectStore("models"), chunks: tx.objectStore("chunks") });
      await tx.done;
      return result;
    } catch (error) {
      try {
        tx.abort();
      } catch {
        // It had already rolled back by itself.
      }
      if (error instanceof SottoError) throw error;
      // Requests of a transaction that failed as a whole say only that it did.
      throw await storageError(tx.error ?? error);
    }
  }

  async #begin<M extends Mode>(mode: M, options?: IDBTransactionOptions) {
    const tables: Table[] = ["models", "chunks"];
    for (let tries = 0; ; tries++) {
      const db = await this.#connect();
      try {
        return db.transaction(tables, mode, options);
      } catch (error) {
        if (tries > 0) throw await storageError(error);
        // It was closed, and the event that says so is still to come.
        this.#connection = undefined;
      }
    }
  }
}

/** `onLost` is called when the connection was closed from outside: the site's data was cleared, or a newer version came. */
function openDatabase(onLost: () => void): Promise<IDBPDatabase<Schema>> {
  return openDB<Schema>("sotto", 1, {
    upgrade(database) {
      database.createObjectStore("chunks");
      database.createObjectStore("models", { keyPath: "id" });
    },
    // A newer version in another tab must not wait for this one.
    blocking(_current, _blocked, event) {
      (event.target as IDBDatabase).close();
      onLost();
    },
    terminated: onLost,
  });
}

function describe(record: ModelRecord, present: ReadonlySet<string>): StoredModel {
  return {
    id: record.id,
    name: record.name,
    bytes: record.files.reduce((sum, file) => sum + (file.bytes ?? 0), 0),
    storedBytes: record.files.reduce((sum, file) => sum + storedBytes(file, record.chunkBytes, present), 0),
    complete: record.complete,
    files: record.files.length,
    createdAt: new Date(record.createdAt),
    usedAt: new Date(record.usedAt),
  };
}

/** Bytes of a file whose chunks are present. */
export function storedBytes(file: FileRecord, chunkBytes: number, present: ReadonlySet<string>): number {
  return file.hashes.reduce((sum, hash, index) => {
    if (hash === null || !present.has(hash)) return sum;
    return sum + chunkLength(file.bytes ?? Infinity, chunkBytes, index);
  }, 0);
}

/** Deletes, within the caller's transaction, every chunk that no record names. */
async function sweep({ models, chunks }: Tables<"readwrite">): Promise<void> {
  const records = await models.getAll();
  const owned = new Set(records.flatMap((record) => record.files.flatMap((file) => file.hashes)));
  const orphans = (await chunks.getAllKeys()).filter((hash) => !owned.has(hash));
  await Promise.all(orphans.map((hash) => chunks.delete(hash)));
}

function sameGeneration(current: ModelRecord | undefined, expected: ModelRecord): ModelRecord {
  if (current?.generation === expected.generation) return current;
  throw new AbortedError(
    "The stored model was deleted or replaced, perhaps in another tab, while it was loading. Load it again.",
  );
}

function fileOf(record: ModelRecord, file: number): FileRecord {
  const found = record.files[file];
  if (!found) throw new RangeError("no such file in the model record");
  return found;
}

/** The bytes in a buffer of their own: a view would store all of what it looks into. */
function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes;
  if (buffer instanceof ArrayBuffer && byteOffset === 0 && byteLength === buffer.byteLength) return buffer;
  return bytes.slice().buffer;
}

async function storageError(cause: unknown): Promise<SottoError> {
  const kind = cause instanceof Error ? cause.name : "unknown";
  if (kind === "AbortError") {
    return new AbortedError(
      "The browser closed this site's storage in the middle of a change, perhaps because the site's data was cleared. " +
        "Load the model again.",
      { cause },
    );
  }
  const { usage, quota } = await estimate();
  if (kind === "VersionError") {
    return new QuotaError(
      "A newer version of Sotto, in another tab, has taken over this site's storage. Reload this page to get it, or pass " +
        "store: false to load without keeping the model.",
      { details: { usage, quota, kind }, cause },
    );
  }
  // Browsers may round or hide the true limit, so the numbers are given as what they say, not as the reason.
  const holds = `It holds ${mebibytes(usage)} MiB; the browser states a limit of ${mebibytes(quota)} MiB.`;
  return new QuotaError(
    kind === "QuotaExceededError"
      ? `The browser's storage for this site is full. ${holds} ${MAKE_ROOM}`
      : `The browser's storage failed (${kind}). Private windows and full disks do that. ${MAKE_ROOM}`,
    { details: { usage, quota, kind }, cause },
  );
}

const MAKE_ROOM =
  "Free space on the device or remove models with deleteModel, then load again: what is stored is kept and the " +
  "download resumes. Or pass store: false to load without keeping the model.";

/** Throws `E_QUOTA` before a download that cannot fit. Browsers round these numbers, so it errs to trying. */
export async function checkRoom(needed: number): Promise<void> {
  const { usage, quota } = await estimate();
  if (quota === undefined || usage === undefined || usage + needed <= quota) return;
  throw new QuotaError(
    `The model needs ${mebibytes(needed)} MiB more, but the browser grants this site ${mebibytes(quota)} MiB and ` +
      `${mebibytes(usage)} MiB are used. ${MAKE_ROOM}`,
    { details: { needed, usage, quota } },
  );
}

async function estimate(): Promise<StorageEstimate> {
  return (await navigator.storage.estimate().catch(() => undefined)) ?? {};
}

function mebibytes(bytes: number | undefined): string {
  return bytes === undefined
    ? "an unknown number of"
    : (bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 1 : 0);
}
