/** The body of a response, read in pieces of the caller's size; a connection that falls silent counts as broken. */
import { STALL_MS } from "./http.js";

/** Reads a response body in pieces of the caller's size. */
export class BodyReader {
  /** Bytes read so far. */
  position = 0;
  /** Whether it ended because the connection did. */
  broken = false;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #rest = new Uint8Array();

  constructor(response: Response) {
    this.#reader = response.body?.getReader();
  }

  /** Fills the front of `target`; returns how much. 0 is the end of the body, for better or worse. */
  async readInto(target: Uint8Array): Promise<number> {
    while (this.#rest.length === 0) {
      const piece = await this.#read();
      if (!piece) return 0;
      this.#rest = piece;
    }
    const piece = this.#rest.subarray(0, target.length);
    target.set(piece);
    this.#rest = this.#rest.subarray(piece.length);
    this.position += piece.length;
    return piece.length;
  }

  async #read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stalled = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error("stalled"));
      }, STALL_MS);
    });
    try {
      const read = this.#reader?.read();
      const result = read && (await Promise.race([read, stalled]));
      return result?.done === false ? (result.value as Uint8Array<ArrayBuffer>) : undefined;
    } catch {
      this.broken = true;
      this.cancel();
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  cancel(): void {
    this.#reader?.cancel().catch(() => undefined);
  }
}
