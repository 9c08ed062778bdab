/** One tab at a time: a Web Lock held from `acquireLock` until its release. A closed tab's locks end with it. */
import { AbortedError, InternalError } from "./errors.js";

interface AcquireOptions {
  signal: AbortSignal;
  /** Called if another tab (or another load in this one) holds the lock. */
  onWait: () => void;
}

/** Resolves to the function that releases the lock. */
export async function acquireLock(name: string, { signal, onWait }: AcquireOptions): Promise<() => void> {
  const free = await request(name, { ifAvailable: true });
  if (free) return free;
  onWait();
  const waited = await request(name, { signal });
  if (waited) return waited;
  throw new InternalError("The browser granted no lock.");
}

function request(name: string, options: LockOptions): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(name, options, (lock) => {
        if (!lock) {
          resolve(undefined);
          return undefined;
        }
        return new Promise<void>((release) => {
          resolve(release);
        });
      })
      .catch((cause: unknown) => {
        reject(new AbortedError(undefined, { cause }));
      });
  });
}
