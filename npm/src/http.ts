/** One HTTP request for model bytes: what the answer means, and what to do about each way it goes wrong. */
import {
  AbortedError,
  IntegrityError,
  ModelFormatError,
  NetworkError,
  SottoError,
  throwIfAborted,
} from "./errors.js";
import { shownUrl } from "./source.js";

/** A failure that another try may mend. Never leaves the download code: `withRetries` unwraps it. */
export class Retryable extends Error {
  constructor(
    readonly error: SottoError,
    /** Milliseconds the server asked to wait. */
    readonly waitMs = 0,
  ) {
    super(error.message);
  }
}

export interface RequestOptions {
  method?: "GET" | "HEAD";
  headers: Readonly<Record<string, string>>;
  /** First and last byte wanted, both included. */
  range?: readonly [number, number];
  /** A strong ETag: the range is wanted only of this version. */
  ifRange?: string | undefined;
  signal: AbortSignal;
}

/** A connection that brings nothing for this long is cut and tried again. */
export const STALL_MS = 30_000;

/** Sends the request. Resolves for 200 and 206 that are not web pages; else throws `Retryable` or a `SottoError`. */
export async function request(url: string, options: RequestOptions): Promise<Response> {
  const headers = new Headers(options.headers);
  if (options.range) headers.set("Range", `bytes=${options.range[0]}-${options.range[1]}`);
  if (options.ifRange) headers.set("If-Range", options.ifRange);
  const silence = new AbortController();
  const timer = setTimeout(() => {
    silence.abort();
  }, STALL_MS);
  let response: Response;
  try {
    // The store keeps the bytes; the HTTP cache would only double them.
    response = await fetch(url, {
      method: options.method ?? "GET",
      headers,
      cache: "no-store",
      signal: AbortSignal.any([options.signal, silence.signal]),
    });
  } catch (cause) {
    throwIfAborted(options.signal);
    throw new Retryable(silence.signal.aborted ? silent(url) : unreachable(url, cause));
  } finally {
    // The body has a limit of its own.
    clearTimeout(timer);
  }
  if (response.status === 200 || response.status === 206) {
    if (/^text\/html\b/i.test(response.headers.get("Content-Type") ?? "")) {
      discard(response);
      throw webPage(url);
    }
    return response;
  }
  discard(response);
  throw refused(url, response, options.range?.[0] ?? 0);
}

/** Lets the connection go without reading the body. */
export function discard(response: Response): void {
  response.body?.cancel().catch(() => undefined);
}

/** Total bytes, first byte and version of what a response carries. */
export interface ResponseFacts {
  start: number;
  total: number | undefined;
  validator: string | undefined;
}

export function responseFacts(response: Response): ResponseFacts {
  const validator = response.headers.get("ETag") ?? response.headers.get("Last-Modified") ?? undefined;
  const contentRange = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("Content-Range") ?? "");
  if (response.status === 206) {
    const total = contentRange && contentRange[2] !== "*" ? Number(contentRange[2]) : undefined;
    return { start: contentRange ? Number(contentRange[1]) : NaN, total, validator };
  }
  return { start: 0, total: contentLength(response), validator };
}

/** Length of the whole body, when the server tells it. Of a compressed body it tells another number. */
export function contentLength(response: Response): number | undefined {
  const length = response.headers.get("Content-Length");
  if (length === null || response.headers.has("Content-Encoding")) return undefined;
  return /^\d+$/.test(length) ? Number(length) : undefined;
}

/** The ETag if it promises byte equality, which `If-Range` needs. */
export function strongEtag(validator: string | undefined): string | undefined {
  return validator?.startsWith('"') ? validator : undefined;
}

export function webPage(url: string): SottoError {
  return new ModelFormatError(
    `${shownUrl(url)} gave a web page, not a model. Use the address of the file itself (on Hugging Face, /resolve/ ` +
      "instead of /blob/), and check whether the site asks to sign in.",
    { details: { url: shownUrl(url), reason: "web-page" } },
  );
}

function empty(url: string): SottoError {
  return new ModelFormatError(`${shownUrl(url)} is empty.`, {
    details: { url: shownUrl(url), reason: "empty" },
  });
}

/** Whether the server gave something else in the file's place, which says nothing about bytes that came before. */
export function isNoFile(error: unknown): boolean {
  if (!(error instanceof ModelFormatError)) return false;
  const { reason } = error.details;
  return reason === "web-page" || reason === "empty";
}

export function changed(url: string): SottoError {
  return new IntegrityError(
    `${shownUrl(url)} changed on the server while it was being downloaded. Load the model again to get the new version.`,
    { details: { url: shownUrl(url), reason: "changed" } },
  );
}

export function cut(url: string, got: number, wanted: number | undefined): SottoError {
  return new NetworkError(
    `The connection to ${new URL(url).host} broke off after ${got} of ${wanted ?? "an unknown number of"} bytes. ` +
      "Check the connection and load again: the download goes on from there.",
    { details: { url: shownUrl(url), got, wanted } },
  );
}

function silent(url: string): NetworkError {
  return new NetworkError(
    `${new URL(url).host} did not answer within ${STALL_MS / 1000} seconds. Try again later.`,
    { details: { url: shownUrl(url) } },
  );
}

function unreachable(url: string, cause: unknown): NetworkError {
  const { host, origin } = new URL(url);
  const foreign = origin !== location.origin;
  const hint = foreign
    ? `Check the connection. If it is up, ${host} may not let other sites read the file (it must send ` +
      "Access-Control-Allow-Origin), or this page's Content-Security-Policy forbids it (connect-src)."
    : "Check the connection and that the server is running.";
  return new NetworkError(`${host} could not be reached. ${hint}`, {
    details: { url: shownUrl(url) },
    cause,
  });
}

function refused(url: string, response: Response, from: number): Error {
  const { status } = response;
  const details = { url: shownUrl(url), status };
  const fail = (message: string) => new NetworkError(message, { details });
  if (status === 404 || status === 410)
    return fail(`There is no file at ${shownUrl(url)} (${status}). Check the address.`);
  if (status === 401 || status === 403) {
    return fail(
      `${shownUrl(url)} is not open to this page (${status}). If it needs a token, pass it in the headers option; ` +
        "some models also want their licence accepted first.",
    );
  }
  // Nothing lies at or past `from`: the file shrank, or never had a byte.
  if (status === 416) return from > 0 ? changed(url) : empty(url);
  const error = fail(`${new URL(url).host} answered ${status}. Try again later, or use another address.`);
  const transient = status === 408 || status === 425 || status === 429 || status >= 500;
  return transient ? new Retryable(error, retryAfter(response)) : error;
}

/** Milliseconds of a `Retry-After` in seconds, at most half a minute. */
function retryAfter(response: Response): number {
  const seconds = Number(response.headers.get("Retry-After") ?? 0);
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), 30) * 1000 : 0;
}

/** How often in a row a request may fail without bringing a byte. */
const TRIES = 5;
/** The first pause; each further one is twice as long. */
const FIRST_PAUSE_MS = 200;

/**
 * Runs `attempt` until it succeeds, pausing longer after each `Retryable` failure. `progressed` tells whether the
 * failed attempt brought bytes: a connection that keeps breaking but moves on is not given up.
 */
export async function withRetries<T>(
  signal: AbortSignal,
  attempt: () => Promise<T>,
  progressed: () => boolean,
): Promise<T> {
  for (let failures = 0; ;) {
    try {
      return await attempt();
    } catch (error) {
      throwIfAborted(signal);
      if (!(error instanceof Retryable)) throw error;
      failures = progressed() ? 1 : failures + 1;
      if (failures >= TRIES) throw error.error;
      const backoff = FIRST_PAUSE_MS * 2 ** (failures - 1) * (0.75 + Math.random() / 2);
      await pause(Math.max(backoff, error.waitMs), signal);
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(new AbortedError(undefined, { cause: signal.reason }));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
