/**
 * Opens a model on a server: decides what the store can answer, what must be asked of the network, and which tab
 * downloads when several load the same model.
 */
import { describe, type DescribeOptions, type Formats, sameFiles } from "./describe.js";
import { IntegrityError, ModelFormatError, type SottoError } from "./errors.js";
import { isNoFile } from "./http.js";
import { acquireLock } from "./lock.js";
import type { ProgressMeter } from "./progress.js";
import { fileName, type RemoteSource } from "./source.js";
import { checkRoom, Store, storedBytes } from "./store.js";
import { type RemoteContext, RemoteFile } from "./weights.js";

export interface RemoteOptions extends DescribeOptions {
  store: boolean;
  meter: ProgressMeter;
}

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
      if (store && !(record?.complete && sameFiles(record, wanted) && !options.revalidate)) {
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
      if (!record || !sameFiles(record, wanted)) {
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
        (file, index) => new RemoteFile(file.path ?? fileName(new URL(file.url)), index, context),
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
