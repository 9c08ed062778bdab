/** A model elsewhere that never sees the values: the request is redacted on its way out, the answer restored on its way in. */
import { InvalidArgumentError } from "../errors.js";
import type { CallOptions } from "./config.js";
import type { Redactor } from "./redactor.js";
import type { Vault } from "./vault.js";

/** A `fetch` that redacts. */
export interface RedactingFetch {
  (input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** The values of all its requests. A conversation keeps its placeholders from turn to turn. */
  readonly vault: Vault;
}

/**
 * Wraps a `fetch` to an OpenAI-compatible endpoint. Give it to a client's `fetch` option, or call it. The address and the
 * headers are the caller's and go out as they are. What cannot be read as JSON is not sent at all.
 */
export function withRedaction(
  fetchLike: (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>,
  redactor: Redactor,
  options: Omit<CallOptions, "field" | "signal"> = {},
): RedactingFetch {
  if (typeof fetchLike !== "function")
    throw new InvalidArgumentError("withRedaction takes a fetch function.");
  const vault = options.vault ?? redactor.newVault();
  const redacting = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    const request = input instanceof Request ? input : undefined;
    const signal = init.signal ?? request?.signal;
    const body = await bodyOf(request, init);
    if (body === undefined) return restored(await fetchLike(input, init), vault);
    const { document } = await redactor.redactMessages(body, {
      ...options,
      vault,
      ...(signal && { signal }),
    });
    const headers = new Headers(init.headers ?? request?.headers);
    // It counts the bytes that were.
    headers.delete("content-length");
    const answer = await fetchLike(request ? new Request(request, { headers, body: document }) : input, {
      ...init,
      headers,
      body: document,
    });
    return restored(answer, vault);
  };
  return Object.assign(redacting, { vault });
}

/** The body as text; `undefined` if there is none. */
async function bodyOf(request: Request | undefined, init: RequestInit): Promise<string | undefined> {
  const body = init.body ?? undefined;
  if (body === undefined) {
    if (!request?.body) return undefined;
    return request.clone().text();
  }
  if (typeof body === "string") return body;
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return new TextDecoder().decode(body);
  if (body instanceof Blob) return body.text();
  throw new InvalidArgumentError(
    "A request through withRedaction must have a JSON body; forms and streams cannot be redacted and are not sent.",
  );
}

/** The answer with the values back in it. */
async function restored(answer: Response, vault: Vault): Promise<Response> {
  const type = answer.headers.get("content-type") ?? "";
  if (!answer.body || !/\bjson\b|^text\//.test(type)) return answer;
  const headers = new Headers(answer.headers);
  headers.delete("content-length");
  headers.delete("content-encoding");
  const { status, statusText } = answer;
  if (type.startsWith("text/event-stream")) {
    const events = answer.body
      .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array<ArrayBuffer>>)
      .pipeThrough(vault.restoreEvents())
      .pipeThrough(new TextEncoderStream());
    return new Response(events, { status, statusText, headers });
  }
  const text = await answer.text();
  return new Response(restoreText(text, type, vault), { status, statusText, headers });
}

function restoreText(text: string, type: string, vault: Vault): string {
  if (/\bjson\b/.test(type)) {
    try {
      return vault.restoreMessages(text);
    } catch {
      // An error page that calls itself JSON.
    }
  }
  return vault.restore(text);
}
