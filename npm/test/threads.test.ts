import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { threadsFor } from "../src/threads.js";

/** What threads look for in a browser, as a worker of an isolated page has it. Node 20 has no relaxed SIMD. */
function pretend(globals: Record<string, unknown>, relaxedSimd = true): void {
  mock.method(WebAssembly, "validate", () => relaxedSimd);
  for (const [name, value] of Object.entries({ crossOriginIsolated: true, ...globals })) {
    Object.defineProperty(globalThis, name, { value, configurable: true });
  }
}

const navigator = Object.getOwnPropertyDescriptor(globalThis, "navigator");

afterEach(() => {
  mock.restoreAll();
  for (const name of ["crossOriginIsolated", "document"]) Reflect.deleteProperty(globalThis, name);
  if (navigator) Object.defineProperty(globalThis, "navigator", navigator);
});

const cores = (hardwareConcurrency: number, gpu?: unknown) => ({ navigator: { hardwareConcurrency, gpu } });
const adapter = (isFallbackAdapter: boolean) => ({
  requestAdapter: () => Promise.resolve({ info: { isFallbackAdapter } }),
});

test("as many threads as the processor runs at once, eight at most unless asked for", async () => {
  pretend(cores(6));
  assert.deepEqual((await threadsFor(undefined, "cpu")).count, 6);
  pretend(cores(96));
  assert.deepEqual((await threadsFor(undefined, "cpu")).count, 8);
  assert.deepEqual(await threadsFor(12, "cpu"), { count: 12, reason: "asked for" });
  assert.deepEqual(await threadsFor(1, "cpu"), { count: 1, reason: "asked for" });
});

test("one thread where memory cannot be shared, and where the engine may not wait", async () => {
  pretend({ ...cores(6), crossOriginIsolated: false });
  const shared = await threadsFor(4, "cpu");
  assert.equal(shared.count, 1);
  assert.match(shared.reason, /not cross-origin isolated/);
  pretend({ ...cores(6), document: {} });
  const inPage = await threadsFor(4, "cpu");
  assert.equal(inPage.count, 1);
  assert.match(inPage.reason, /in the page/);
  Reflect.deleteProperty(globalThis, "document");
  pretend(cores(6), false);
  assert.match((await threadsFor(4, "cpu")).reason, /no relaxed SIMD/);
});

test("one thread beside a GPU, and many where it is the processor in disguise", async () => {
  pretend(cores(6, adapter(false)));
  assert.equal((await threadsFor(undefined, "auto")).count, 1);
  assert.equal((await threadsFor(undefined, "cpu")).count, 6);
  assert.equal((await threadsFor(undefined, "webgpu")).count, 1);
  pretend(cores(6, adapter(true)));
  assert.equal((await threadsFor(undefined, "auto")).count, 6);
  pretend(cores(6, { requestAdapter: () => Promise.reject(new Error("lost")) }));
  assert.equal((await threadsFor(undefined, undefined)).count, 6);
});
