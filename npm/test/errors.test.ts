import assert from "node:assert/strict";
import { test } from "node:test";
import { AbortedError, QuotaError, SottoError, toPlainError, toSottoError } from "../src/errors.js";

const CODES = [
  "E_NO_WEBGPU",
  "E_MODEL_FORMAT",
  "E_UNSUPPORTED_ARCH",
  "E_INTEGRITY",
  "E_QUOTA",
  "E_NETWORK",
  "E_CONTEXT_LENGTH",
  "E_DEVICE_LOST",
  "E_OUT_OF_MEMORY",
  "E_ABORTED",
  "E_INVALID_ARGUMENT",
  "E_INTERNAL",
  "E_NO_SIMD",
] as const;

test("every code has a class of its own, and survives the way through a worker", () => {
  const classes = new Set<unknown>();
  for (const code of CODES) {
    const error = toSottoError(structuredClone({ code, message: "what to do", details: { limit: 3 } }));
    assert.ok(error instanceof SottoError);
    assert.equal(error.code, code);
    assert.equal(error.message, "what to do");
    assert.notEqual(error.name, "Error");
    classes.add(error.constructor);
    const again = toSottoError(structuredClone(toPlainError(error)));
    assert.equal(again.constructor, error.constructor);
    assert.deepEqual(again.details, { limit: 3 });
  }
  assert.equal(classes.size, CODES.length);
});

test("the DOM's AbortError is E_ABORTED, and E_ABORTED is an AbortError", () => {
  const error = toSottoError(new DOMException("stop", "AbortError"));
  assert.equal(error.code, "E_ABORTED");
  assert.equal(new AbortedError().name, "AbortError");
});

test("running out of memory is E_OUT_OF_MEMORY", () => {
  assert.equal(toSottoError(new RangeError("Array buffer allocation failed")).code, "E_OUT_OF_MEMORY");
  assert.equal(
    toSottoError(new RangeError("WebAssembly.Memory.grow(): Unable to grow memory")).code,
    "E_OUT_OF_MEMORY",
  );
});

test("what an unknown error says does not get into a message", () => {
  for (const thrown of [
    new TypeError("prompt: my secret"),
    "my secret",
    { code: "E_MADE_UP", message: "my secret" },
  ]) {
    const { code, message, details } = toPlainError(thrown);
    assert.equal(code, "E_INTERNAL");
    assert.doesNotMatch(message + JSON.stringify(details), /secret/);
  }
});

test("an error stays the one it is", () => {
  const error = new QuotaError("full");
  assert.equal(toSottoError(error), error);
});
