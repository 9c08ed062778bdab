/** What is stored, how much room there is, and removing it. */
import { baseUrl, resolveSource } from "./source.js";
import { Store, type StoredModel } from "./store.js";

/** The models in the browser's storage for this site, last used first. */
export function listModels(): Promise<StoredModel[]> {
  return withStore((store) => store.list());
}

/**
 * Removes a model from the browser's storage, keeping the pieces other models share with it. A load of it that runs
 * in another tab fails with `E_ABORTED`.
 *
 * @param source What was passed to `loadModel`, or an `id` from `listModels`.
 * @returns Whether it was there.
 */
export async function deleteModel(
  source: string | URL,
  options: { hfEndpoint?: string } = {},
): Promise<boolean> {
  const resolved = resolveSource(source, { base: baseUrl(), hfEndpoint: options.hfEndpoint });
  if (resolved.kind === "blobs") return false;
  return withStore((store) => store.delete(resolved.id));
}

/** Bytes this site uses of what the browser grants it. */
export interface StorageUse {
  usage: number;
  quota: number;
  /** Whether the browser promised not to evict it when space runs low. */
  persisted: boolean;
}

export async function storageEstimate(): Promise<StorageUse> {
  const [{ usage = 0, quota = 0 }, persisted] = await Promise.all([
    navigator.storage.estimate(),
    navigator.storage.persisted(),
  ]);
  return { usage, quota, persisted };
}

/** Asks the browser to keep stored models when space runs low. Resolves to whether it promised to. */
export function persist(): Promise<boolean> {
  return navigator.storage.persist();
}

/** Whether a model is stored whole, by its id. Where nothing can be stored, none is. */
export function isStored(id: string): Promise<boolean> {
  const whole = async (store: Store) => (await store.model(id))?.complete === true;
  return withStore(whole).catch(() => false);
}

async function withStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
  const store = await Store.open();
  try {
    return await work(store);
  } finally {
    store.close();
  }
}
