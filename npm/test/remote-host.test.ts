import assert from "node:assert/strict";
import { test } from "node:test";
import { SottoError } from "../src/errors.js";
import { WorkerHost } from "../src/remote-host.js";

test("a worker that the browser refuses at once is an error that says what to do", (t) => {
  const refused = new DOMException("not here", "SecurityError");
  function Worker() {
    throw refused;
  }
  Object.assign(globalThis, { Worker });
  t.after(() => {
    Reflect.deleteProperty(globalThis, "Worker");
  });
  assert.throws(
    () => new WorkerHost(),
    (error) =>
      error instanceof SottoError && error.message.includes("worker: false") && error.cause === refused,
  );
});
