import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { InvalidArgumentError, QuotaError, SottoError } from "../src/errors.js";
import { type CallContext, Client, type Handlers, serve } from "../src/rpc.js";

/** A client and a server with real ports between them, until the test ends. */
function connect(t: TestContext, handlers: Handlers): Client {
  const { port1, port2 } = new MessageChannel();
  serve(port1, handlers);
  const client = new Client(port2);
  port1.start();
  port2.start();
  t.after(() => {
    port1.close();
  });
  return client;
}

/** Waits for what the other end does; the test's own time limit ends a wait for nothing. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(1);
}

const code = (expected: string) => (error: unknown) => error instanceof SottoError && error.code === expected;

test(
  "calls answer, report events and fail with the class they failed with",
  { timeout: 20_000 },
  async (t) => {
    const client = connect(t, {
      calls: {
        add: async ([a, b]: [number, number], { emit }: CallContext) => {
          emit("adding");
          await sleep(1);
          return a + b;
        },
        fail: () => Promise.reject(new QuotaError("full", { details: { quota: 5 } })),
      },
      streams: {},
    });
    const events: unknown[] = [];
    assert.equal(await client.call("add", [1, 2], undefined, (event) => events.push(event)), 3);
    assert.deepEqual(events, ["adding"]);
    await assert.rejects(
      client.call("fail", []),
      (error) => error instanceof QuotaError && error.details.quota === 5 && error.message === "full",
    );
    await assert.rejects(client.call("nothing", []), code("E_INTERNAL"));
  },
);

test("an abort fails the call at once and reaches the other end", { timeout: 20_000 }, async (t) => {
  const state = { started: false, aborted: false };
  const client = connect(t, {
    calls: {
      wait: (_: never, { signal }: CallContext) =>
        new Promise((resolve) => {
          state.started = true;
          signal.addEventListener("abort", () => {
            state.aborted = true;
            resolve(undefined);
          });
        }),
    },
    streams: {},
  });
  const abort = new AbortController();
  const call = client.call("wait", [], abort.signal);
  await until(() => state.started);
  abort.abort();
  await assert.rejects(call, code("E_ABORTED"));
  await until(() => state.aborted);
  await assert.rejects(client.call("wait", [], AbortSignal.abort()), code("E_ABORTED"));
});

test("a stream asks its reader, and ends with what the reader throws", { timeout: 20_000 }, async (t) => {
  let ended = 0;
  const client = connect(t, {
    calls: {},
    streams: {
      async *ask(_: never, _signal: AbortSignal, ask: (question: unknown) => Promise<unknown>) {
        try {
          for (let i = 0; i < 5; i++) yield await ask([i]);
        } finally {
          ended++;
        }
      },
    },
  });
  const seen: unknown[] = [];
  const tenfold = (question: unknown) => Promise.resolve(10 * (question as [number])[0]);
  for await (const item of client.stream("ask", [], undefined, tenfold)) seen.push(item);
  assert.deepEqual(seen, [0, 10, 20, 30, 40]);
  const own = new Error("the reader's own");
  const read = async (answer: () => Promise<unknown>, signal?: AbortSignal) => {
    const stream = client.stream("ask", [], signal, answer);
    while (!(await stream.next()).done);
  };
  await assert.rejects(
    read(() => Promise.reject(own)),
    (error) => error === own,
  );
  await until(() => ended === 2);
  // Nothing in particular is thrown, and what is answered cannot be sent.
  await assert.rejects(
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    read(() => Promise.reject(undefined)),
    (error) => error === undefined,
  );
  await assert.rejects(
    read(() => Promise.resolve(() => 1)),
    { name: "DataCloneError" },
  );
  await until(() => ended === 4);
  const abort = new AbortController();
  const never = read(() => {
    abort.abort();
    return new Promise(() => undefined);
  }, abort.signal);
  await assert.rejects(never, code("E_ABORTED"));
  await until(() => ended === 5);
});

/** A stream of numbers that counts how many it made, and whether it was ended. */
function counter(
  length: number,
  fail?: Error,
): { handlers: Handlers; state: { made: number; ended: boolean } } {
  const state = { made: 0, ended: false };
  async function* count(): AsyncGenerator<number> {
    try {
      for (let i = 0; i < length; i++) {
        await sleep(0);
        state.made++;
        yield i;
      }
      if (fail) throw fail;
    } finally {
      state.ended = true;
    }
  }
  return { handlers: { calls: {}, streams: { count } }, state };
}

test("a stream gives every item in order, then ends", { timeout: 20_000 }, async (t) => {
  const { handlers, state } = counter(100);
  const client = connect(t, handlers);
  const seen: unknown[] = [];
  for await (const item of client.stream("count", [])) seen.push(item);
  assert.deepEqual(
    seen,
    Array.from({ length: 100 }, (_, i) => i),
  );
  assert.ok(state.ended);
});

test("items that come fast share messages, and none waits for another", { timeout: 20_000 }, async (t) => {
  const { port1, port2 } = new MessageChannel();
  let messages = 0;
  port2.addEventListener("message", () => messages++);
  async function* burst(): AsyncGenerator<number> {
    for (let i = 0; i < 100; i++) yield await Promise.resolve(i);
    // Nothing more for long, and what there is comes all the same.
    await sleep(10_000);
  }
  serve(port1, { calls: {}, streams: { burst } });
  const client = new Client(port2);
  port1.start();
  port2.start();
  t.after(() => {
    port1.close();
  });
  const stream = client.stream("burst", []);
  for (let i = 0; i < 100; i++) assert.equal((await stream.next()).value, i);
  assert.ok(messages < 50, `${messages} messages`);
  await stream.return();
});

test("a slow reader holds the writer back", { timeout: 20_000 }, async (t) => {
  const { handlers, state } = counter(1000);
  const client = connect(t, handlers);
  const stream = client.stream("count", []);
  await stream.next();
  await sleep(50);
  assert.ok(state.made <= 20, `${state.made} items were made for one read`);
  await stream.return();
});

test("leaving the loop ends the writer", { timeout: 20_000 }, async (t) => {
  const { handlers, state } = counter(1000);
  const client = connect(t, handlers);
  for await (const item of client.stream("count", [])) if (item === 3) break;
  await until(() => state.ended);
  assert.ok(state.made < 40);
});

test("a stream that fails gives its items first", { timeout: 20_000 }, async (t) => {
  const { handlers } = counter(3, new InvalidArgumentError("wrong"));
  const client = connect(t, handlers);
  const seen: unknown[] = [];
  await assert.rejects(async () => {
    for await (const item of client.stream("count", [])) seen.push(item);
  }, code("E_INVALID_ARGUMENT"));
  assert.deepEqual(seen, [0, 1, 2]);
});

test("an abort ends a stream that nobody feeds", { timeout: 20_000 }, async (t) => {
  const client = connect(t, {
    calls: {},
    streams: {
      never: async function* (_: never, signal: AbortSignal) {
        await new Promise((resolve) => {
          signal.addEventListener("abort", resolve);
        });
        yield 1;
      },
    },
  });
  const abort = new AbortController();
  const next = client.stream("never", [], abort.signal).next();
  await sleep(5);
  abort.abort();
  await assert.rejects(next, code("E_ABORTED"));
});

test(
  "what cannot be sent is refused without repeating it, and the next call works",
  { timeout: 20_000 },
  async (t) => {
    const { handlers } = counter(3);
    const client = connect(t, {
      ...handlers,
      calls: { echo: ([value]: [unknown]) => Promise.resolve(value) },
    });
    const refused = (error: unknown) =>
      error instanceof InvalidArgumentError &&
      error.message.includes("echo") &&
      !String(error.cause).includes("secret");
    const wrong = [() => "secret", new Proxy(["secret"], {}), { deep: [{ get: () => "secret" }] }];
    for (const value of wrong) await assert.rejects(client.call("echo", [value]), refused);
    await assert.rejects(client.stream("count", wrong).next(), code("E_INVALID_ARGUMENT"));
    const abort = new AbortController();
    await assert.rejects(client.call("echo", wrong, abort.signal), code("E_INVALID_ARGUMENT"));
    abort.abort();
    assert.equal(await client.call("echo", ["plain"]), "plain");
  },
);

test("a broken connection fails what runs and what comes", { timeout: 20_000 }, async (t) => {
  const client = connect(t, { calls: { hang: () => new Promise(() => undefined) }, streams: {} });
  const call = client.call("hang", []);
  await sleep(5);
  client.break(new InvalidArgumentError("unloaded"));
  await assert.rejects(call, code("E_INVALID_ARGUMENT"));
  await assert.rejects(client.call("hang", []), code("E_INVALID_ARGUMENT"));
  await assert.rejects(client.stream("hang", []).next(), code("E_INVALID_ARGUMENT"));
});
