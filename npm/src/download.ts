/**
 * One remote file, read chunk by chunk. A server with Range support is asked for each chunk, several at a time; one
 * without sends the whole file and its body is cut into chunks as it comes. Both go on where a connection broke, and
 * both notice when the file on the server is no longer the one they began with.
 */
import { BodyReader } from "./body.js";
import { NetworkError } from "./errors.js";
import {
  changed,
  contentLength,
  cut,
  discard,
  request,
  type RequestOptions,
  responseFacts,
  Retryable,
  strongEtag,
  webPage,
  withRetries,
} from "./http.js";
import { shownUrl } from "./source.js";
import { chunkLength } from "./store.js";

export interface DownloadOptions {
  chunkBytes: number;
  headers: Readonly<Record<string, string>>;
  signal: AbortSignal;
  /** Told of bytes as they arrive; of a negative number when bytes are thrown away. */
  onBytes: (bytes: number) => void;
}

/** What the first request asks for: enough for most headers without a vocabulary. */
export const HEAD_BYTES = 64 * 1024;

export class Download {
  /** Length of the file; `undefined` until its end was seen, if the server does not tell. */
  total: number | undefined;
  /** ETag or Last-Modified of the file. */
  validator: string | undefined;
  /** Whether chunks can be fetched in any order and several at a time. */
  ranges = false;
  /** The answer to the first request, of `HEAD_BYTES` where the server has ranges, kept for who reads it. */
  #first: Response | undefined;
  /** The file's front as far as a header was looked for, kept until the chunks that it is part of are read. */
  #head = new Uint8Array();
  #body: BodyReader | undefined;

  constructor(
    private readonly url: string,
    private readonly options: DownloadOptions,
  ) {}

  /**
   * Asks the server what it has. With `body` the answer serves what is read first; without, one byte is asked for, only
   * to learn length and version.
   */
  async open({ body }: { body: boolean }): Promise<void> {
    const last = body ? HEAD_BYTES - 1 : 0;
    const response = await withRetries(
      this.options.signal,
      () => this.#request({ range: [0, last] }),
      () => false,
    );
    const facts = responseFacts(response);
    this.validator = facts.validator;
    this.ranges = response.status === 206;
    this.total = facts.total;
    if (this.ranges && this.total === undefined) {
      // Content-Range may be hidden from other sites; Content-Length never is.
      const head = await this.#request({ method: "HEAD" }).catch(() => undefined);
      this.total = head && contentLength(head);
      this.ranges = this.total !== undefined;
    }
    if (this.ranges ? body : response.status === 200) this.#first = response;
    else discard(response);
  }

  /** The bytes of chunk `index`: shorter at the end of the file, empty past it. */
  chunk(index: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.ranges && this.total !== undefined ? this.#ranged(index, this.total) : this.#streamed(index);
  }

  /** At least the first `length` bytes, or all there are; no more is asked for than that and `HEAD_BYTES`. */
  async head(length: number): Promise<Uint8Array> {
    const kept = this.#head;
    const wanted = Math.min(Math.max(length, HEAD_BYTES), this.total ?? Infinity);
    if (kept.length >= wanted) return kept;
    if (this.ranges && this.total !== undefined) {
      const bytes = new Uint8Array(wanted);
      bytes.set(kept);
      await this.#fill(bytes, 0, kept.length);
      this.#head = bytes;
    } else {
      const more = await this.#streamedBytes(kept.length, wanted - kept.length);
      this.#head = new Uint8Array(kept.length + more.length);
      this.#head.set(kept);
      this.#head.set(more, kept.length);
    }
    if (kept.length === 0) refuseWebPage(this.url, this.#head);
    return this.#head;
  }

  /** What the head has of the bytes from `start` on; it is let go when nothing past them needs it. */
  #fromHead(start: number, length: number): Uint8Array {
    const held = this.#head.subarray(start, start + length);
    if (held.length > 0 && start + length >= this.#head.length) this.#head = new Uint8Array();
    return held;
  }

  /** Lets a half-read body go, and with it the connection. The next chunk starts a new one. */
  pause(): void {
    if (this.#first) discard(this.#first);
    this.#first = undefined;
    this.#body?.cancel();
    this.#body = undefined;
  }

  async #ranged(index: number, total: number): Promise<Uint8Array<ArrayBuffer>> {
    const start = index * this.options.chunkBytes;
    const bytes = new Uint8Array(chunkLength(total, this.options.chunkBytes, index));
    const held = this.#fromHead(start, bytes.length);
    bytes.set(held);
    await this.#fill(bytes, start, held.length);
    if (index === 0) refuseWebPage(this.url, bytes);
    return bytes;
  }

  /** Fetches the file's bytes from `start` on into `bytes`, whose first `filled` are there. */
  async #fill(bytes: Uint8Array, start: number, filled: number): Promise<void> {
    const begun = filled;
    let before = filled;
    const attempt = async () => {
      before = filled;
      const from = start + filled;
      const first = this.#takeFirst(from);
      const end = Math.min(start + bytes.length, first ? HEAD_BYTES : Infinity);
      const body = new BodyReader(first ?? (await this.#requestRange(from, end - 1)));
      try {
        while (start + filled < end) {
          const got = await body.readInto(bytes.subarray(filled, end - start));
          if (got === 0) throw new Retryable(cut(this.url, start + filled, this.total));
          filled += got;
          this.options.onBytes(got);
        }
      } finally {
        body.cancel();
      }
    };
    try {
      while (filled < bytes.length) await withRetries(this.options.signal, attempt, () => filled > before);
    } catch (error) {
      this.options.onBytes(begun - filled);
      throw error;
    }
  }

  #takeFirst(from: number): Response | undefined {
    if (from !== 0) return undefined;
    const first = this.#first;
    this.#first = undefined;
    return first;
  }

  async #requestRange(from: number, last: number): Promise<Response> {
    // Across origins If-Range costs a preflight; comparing the answer's version does the same work.
    const sameOrigin = new URL(this.url).origin === location.origin;
    const response = await this.#request({
      range: [from, last],
      ifRange: sameOrigin ? strongEtag(this.validator) : undefined,
    });
    const facts = responseFacts(response);
    const moved = facts.total !== undefined && facts.total !== this.total;
    if (moved || this.#isOther(facts.validator)) {
      discard(response);
      throw changed(this.url);
    }
    if (response.status === 206 && (Number.isNaN(facts.start) || facts.start === from)) return response;
    discard(response);
    throw new Retryable(
      new NetworkError(
        `${new URL(this.url).host} did not send the byte range it was asked for. Try again later.`,
        {
          details: { url: shownUrl(this.url), status: response.status },
        },
      ),
    );
  }

  /** Chunk `index` of the whole body. */
  async #streamed(index: number): Promise<Uint8Array<ArrayBuffer>> {
    const start = index * this.options.chunkBytes;
    const length = chunkLength(this.total ?? Infinity, this.options.chunkBytes, index);
    const held = this.#fromHead(start, length);
    const rest = await this.#streamedBytes(start + held.length, length - held.length);
    if (held.length === 0 && index > 0) return rest;
    const bytes = new Uint8Array(held.length + rest.length);
    bytes.set(held);
    bytes.set(rest, held.length);
    if (index === 0) refuseWebPage(this.url, bytes);
    return bytes;
  }

  /** Bytes of the whole body, reading past what lies before them; fewer where it ends. */
  async #streamedBytes(start: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    if (length <= 0 || start >= (this.total ?? Infinity)) return new Uint8Array();
    let furthest = 0;
    let before = 0;
    let filled = 0;
    const attempt = async () => {
      before = furthest;
      if (this.#body && this.#body.position > start) this.pause();
      this.#body ??= await this.#restart();
      const body = this.#body;
      const scratch = new Uint8Array(1 << 16);
      const bytes = new Uint8Array(length);
      filled = 0;
      while (filled < length) {
        const skip = start - body.position;
        const got = await body.readInto(skip > 0 ? scratch.subarray(0, skip) : bytes.subarray(filled));
        furthest = Math.max(furthest, body.position);
        if (got === 0) {
          if (body.broken || this.total !== undefined)
            throw new Retryable(cut(this.url, body.position, this.total));
          this.total = body.position;
          break;
        }
        if (skip <= 0) {
          filled += got;
          this.options.onBytes(got);
        }
      }
      return filled === length ? bytes : bytes.slice(0, filled);
    };
    const guarded = async () => {
      try {
        return await attempt();
      } catch (error) {
        this.options.onBytes(-filled);
        filled = 0;
        this.pause();
        throw error;
      }
    };
    return withRetries(this.options.signal, guarded, () => furthest > before);
  }

  /** The body from its first byte. */
  async #restart(): Promise<BodyReader> {
    let response = this.#takeFirst(0);
    if (!response) {
      response = await this.#request({});
      const facts = responseFacts(response);
      const moved = this.total !== undefined && facts.total !== undefined && facts.total !== this.total;
      if (moved || this.#isOther(facts.validator)) {
        discard(response);
        throw changed(this.url);
      }
    }
    return new BodyReader(response);
  }

  #isOther(validator: string | undefined): boolean {
    return validator !== undefined && this.validator !== undefined && validator !== this.validator;
  }

  #request(options: Pick<RequestOptions, "method" | "range" | "ifRange">): Promise<Response> {
    return request(this.url, { ...options, headers: this.options.headers, signal: this.options.signal });
  }
}

/** Some servers send a sign-in page as if it were the file. */
function refuseWebPage(url: string, bytes: Uint8Array): void {
  const start = new TextDecoder().decode(bytes.subarray(0, 64)).trimStart().toLowerCase();
  if (start.startsWith("<!doctype html") || start.startsWith("<html")) throw webPage(url);
}
