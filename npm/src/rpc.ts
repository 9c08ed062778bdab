/**
 * Calls and streams over a message port. A call may report events before its answer. A stream sends items only as
 * far as the reader has given credit, so a slow reader holds the writer back; items that come fast share a message. It may ask its reader,
 * one question at a time, and waits for the answer. Either can be aborted.
 */
import { unlessAborted } from "./abort.js";
import {
  AbortedError,
  InternalError,
  InvalidArgumentError,
  type PlainError,
  type SottoError,
  toPlainError,
  toSottoError,
} from "./errors.js";

/** The part of a Worker, a worker scope or a MessagePort that is used here. */
export interface Port {
  postMessage(message: unknown): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
}

interface Request {
  id: number;
  kind: "call" | "stream";
  method: string;
  args: unknown[];
}

type ToServer =
  | Request
  | { id: number; kind: "credit"; items: number }
  | { id: number; kind: "answer"; value: unknown }
  | { id: number; kind: "abort" };

type ToClient =
  | { id: number; kind: "event"; value: unknown }
  | { id: number; kind: "items"; values: unknown[] }
  | { id: number; kind: "ask"; question: unknown }
  | { id: number; kind: "result"; value: unknown }
  | { id: number; kind: "error"; error: PlainError };

export interface CallContext {
  signal: AbortSignal;
  emit: (value: unknown) => void;
}

/** Asks the reader of a stream. */
type Ask = (question: unknown) => Promise<unknown>;

/** What a server answers to, by method name. */
export interface Handlers {
  calls: Record<string, (args: never, context: CallContext) => Promise<unknown>>;
  streams: Record<string, (args: never, signal: AbortSignal, ask: Ask) => AsyncIterable<unknown>>;
}

/** Items that may be under way to the reader. */
const CREDIT = 16;
/** Items that a reader has taken before it gives credit for them. */
const CREDIT_STEP = CREDIT / 2;
/** Items that come within this time of a message wait for the next: a fraction of what a page takes to show anything. */
const GATHER_MS = 5;

/** Answers calls that come through the port. */
export function serve(port: Port, handlers: Handlers): void {
  const running = new Map<
    number,
    { abort: AbortController; credit: Credit; answer?: (value: unknown) => void }
  >();
  const send = (message: ToClient) => {
    port.postMessage(message);
  };

  const run = async (message: Request) => {
    const { id, kind, method, args } = message;
    const abort = new AbortController();
    const credit = new Credit(CREDIT);
    const outbox = new Outbox((values) => {
      send({ id, kind: "items", values });
    });
    const call: { abort: AbortController; credit: Credit; answer?: (value: unknown) => void } = {
      abort,
      credit,
    };
    running.set(id, call);
    const ask: Ask = (question) =>
      unlessAborted(abort.signal, (resolve) => {
        call.answer = resolve;
        send({ id, kind: "ask", question });
      });
    try {
      if (kind === "call") {
        const handler = handlers.calls[method];
        if (!handler) throw new InternalError(`The worker has no method ${method}.`);
        const emit = (value: unknown) => {
          send({ id, kind: "event", value });
        };
        const value = await handler(args as never, { signal: abort.signal, emit });
        send({ id, kind: "result", value });
      } else {
        const stream = handlers.streams[method];
        if (!stream) throw new InternalError(`The worker has no stream ${method}.`);
        for await (const value of stream(args as never, abort.signal, ask)) {
          outbox.put(value);
          if (credit.isLast()) outbox.flush();
          await credit.take(abort.signal);
        }
        outbox.flush();
        send({ id, kind: "result", value: undefined });
      }
    } catch (error) {
      outbox.flush();
      send({ id, kind: "error", error: toPlainError(error) });
    } finally {
      running.delete(id);
    }
  };

  port.addEventListener("message", ({ data }: MessageEvent<ToServer>) => {
    if (data.kind === "abort") running.get(data.id)?.abort.abort();
    else if (data.kind === "credit") running.get(data.id)?.credit.give(data.items);
    else if (data.kind === "answer") running.get(data.id)?.answer?.(data.value);
    else void run(data);
  });
}

/** How many more items the reader takes. */
class Credit {
  #wake: (() => void) | undefined;

  constructor(private left: number) {}

  give(items: number): void {
    this.left += items;
    this.#wake?.();
  }

  /** Whether there is none after the next. */
  isLast(): boolean {
    return this.left <= 1;
  }

  /** Uses up one; waits while there is none. */
  async take(signal: AbortSignal): Promise<void> {
    this.left--;
    if (this.left > 0) return;
    await unlessAborted<undefined>(signal, (resolve) => {
      this.#wake = () => {
        resolve(undefined);
      };
    });
    this.#wake = undefined;
  }
}

/** Items on their way to the reader: the first at once, those right after a message together. */
class Outbox {
  #held: unknown[] = [];
  #sent = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly send: (values: unknown[]) => void) {}

  put(value: unknown): void {
    this.#held.push(value);
    const wait = this.#sent + GATHER_MS - performance.now();
    if (wait <= 0) this.flush();
    // A writer that computes without a break lets no timer run, but comes with its next item.
    else
      this.#timer ??= setTimeout(() => {
        this.flush();
      }, wait);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#held.length === 0) return;
    this.#sent = performance.now();
    this.send(this.#held);
    this.#held = [];
  }
}

interface Pending {
  onEvent: (value: unknown) => void;
  onItems: (values: unknown[]) => void;
  onAsk?: (question: unknown) => void;
  onResult: (value: unknown) => void;
  onError: (error: SottoError) => void;
}

/** Calls the server at the other end of the port. */
export class Client {
  readonly #pending = new Map<number, Pending>();
  #next = 0;
  #broken: SottoError | undefined;

  constructor(private readonly port: Port) {
    port.addEventListener("message", ({ data }: MessageEvent<ToClient>) => {
      const pending = this.#pending.get(data.id);
      if (!pending) return;
      if (data.kind === "event") pending.onEvent(data.value);
      else if (data.kind === "items") pending.onItems(data.values);
      else if (data.kind === "ask") pending.onAsk?.(data.question);
      else {
        this.#pending.delete(data.id);
        if (data.kind === "result") pending.onResult(data.value);
        else pending.onError(toSottoError(data.error));
      }
    });
  }

  /** Fails everything under way and everything to come. */
  break(error: SottoError): void {
    this.#broken = error;
    for (const pending of this.#pending.values()) pending.onError(error);
    this.#pending.clear();
  }

  call(
    method: string,
    args: unknown[],
    signal?: AbortSignal,
    onEvent?: (value: unknown) => void,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { unlisten } = this.#begin("call", method, args, signal, {
        onEvent: (value) => onEvent?.(value),
        onItems: () => undefined,
        onResult: (value) => {
          unlisten();
          resolve(value);
        },
        onError: (error) => {
          unlisten();
          reject(error);
        },
      });
    });
  }

  /**
   * The stream starts with the first read, and is stopped by `return`, which a `break` calls. What `answer` throws when it is asked
   * stops it too, and is thrown.
   */
  async *stream(
    method: string,
    args: unknown[],
    signal?: AbortSignal,
    answer?: (question: unknown) => Promise<unknown>,
  ): AsyncGenerator<unknown, void, undefined> {
    const items: unknown[] = [];
    let taken = 0;
    let end: { error?: unknown } | undefined;
    let wake: () => void = () => undefined;
    const finish = (outcome: { error?: unknown }) => {
      end = outcome;
      wake();
    };
    const { id, unlisten } = this.#begin("stream", method, args, signal, {
      onEvent: () => undefined,
      onItems: (values) => {
        items.push(...values);
        wake();
      },
      onAsk: (question) => {
        answer?.(question)
          .then((value) => {
            if (!end) this.#send({ id, kind: "answer", value });
          })
          // Of the answer, or of sending it: it may not be one that can be sent.
          .catch((error: unknown) => {
            this.#send({ id, kind: "abort" });
            finish({ error });
          });
      },
      onResult: () => {
        finish({});
      },
      onError: (error) => {
        finish({ error });
      },
    });
    try {
      for (;;) {
        if (signal?.aborted) throw new AbortedError(undefined, { cause: signal.reason });
        if (items.length > 0) {
          const item = items.shift();
          taken++;
          if (!end && taken % CREDIT_STEP === 0) this.#send({ id, kind: "credit", items: CREDIT_STEP });
          yield item;
        } else if (end) {
          if ("error" in end) throw end.error as Error;
          return;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      unlisten();
      if (!end) this.#send({ id, kind: "abort" });
    }
  }

  /** Sends the request. An abort fails it at once, whenever the other end gets round to stopping. */
  #begin(
    kind: "call" | "stream",
    method: string,
    args: unknown[],
    signal: AbortSignal | undefined,
    pending: Pending,
  ): { id: number; unlisten: () => void } {
    const id = this.#next++;
    const onAbort = () => {
      this.#send({ id, kind: "abort" });
      this.#pending.delete(id);
      pending.onError(new AbortedError(undefined, { cause: signal?.reason }));
    };
    const unlisten = () => {
      signal?.removeEventListener("abort", onAbort);
    };
    // Answering within this call would run before the caller holds what it returns.
    queueMicrotask(() => {
      if (this.#broken) {
        pending.onError(this.#broken);
        return;
      }
      if (signal?.aborted) {
        pending.onError(new AbortedError(undefined, { cause: signal.reason }));
        return;
      }
      try {
        this.#send({ id, kind, method, args });
      } catch {
        pending.onError(notPlain(method));
        return;
      }
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#pending.set(id, pending);
    });
    return { id, unlisten };
  }

  #send(message: ToServer): void {
    this.port.postMessage(message);
  }
}

/** What `postMessage` throws quotes the value it could not copy, which may be a visitor's text; this does not. */
function notPlain(method: string): InvalidArgumentError {
  return new InvalidArgumentError(
    `What ${method} was given cannot go to Sotto's worker: it holds something that is not plain data, such as a function ` +
      "or a framework's reactive proxy. Pass plain objects, arrays, strings and numbers (in Vue: toRaw).",
    { details: { method } },
  );
}
