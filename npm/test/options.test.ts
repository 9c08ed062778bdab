import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidArgumentError } from "../src/errors.js";
import { checkOptions, rule, type Rules } from "../src/options.js";

interface Some {
  topK?: number;
  temperature?: number;
  device?: string;
  stop?: string[];
  headers?: Record<string, string> | Headers;
  logitBias?: Record<number, number>;
}
const RULES: Rules<Some> = {
  topK: rule.integer(0, 100),
  temperature: rule.number(0, Infinity),
  device: rule.oneOf("webgpu", "cpu"),
  stop: rule.stop,
  headers: rule.headers,
  logitBias: rule.biases,
};
const check = (options: unknown) => checkOptions(options, RULES, "generate");

test("known options pass, and undefined is not given", () => {
  assert.deepEqual(check({ topK: 3, temperature: undefined }), { topK: 3 });
});

test("headers may be an object or a Headers", () => {
  for (const headers of [{}, { Authorization: "Bearer x" }, new Headers({ Authorization: "Bearer x" })])
    assert.deepEqual(check({ headers }), { headers });
});

test("an unknown option is named, with those that are known", () => {
  assert.throws(
    () => check({ max_tokens: 3 }),
    (error) =>
      error instanceof InvalidArgumentError &&
      error.message ===
        'generate has no option "max_tokens". It knows: topK, temperature, device, stop, headers, logitBias.',
  );
  assert.throws(() => check({ toString: 1 }), InvalidArgumentError);
});

test("a wrong value is refused, and not repeated in the message", () => {
  const wrong: [object, RegExp][] = [
    [{ topK: 1.5 }, /topK of generate must be a whole number from 0 to 100/],
    [{ topK: 101 }, /topK/],
    [{ temperature: -1 }, /temperature of generate must be a number, at least 0/],
    [{ temperature: NaN }, /temperature/],
    [{ temperature: "1" }, /temperature/],
    [{ device: "gpu" }, /must be "webgpu" or "cpu"/],
    [{ stop: "private words" }, /stop of generate must be an array/],
    [{ stop: [""] }, /stop/],
    [{ headers: { Authorization: 3 } }, /headers of generate must be a Headers, or an object/],
    [{ headers: { "no name": "private" } }, /headers/],
    [{ headers: { Authorization: "private\n" + "words" } }, /headers/],
    [{ headers: [["Authorization", "private"]] }, /headers/],
    [{ headers: "private" }, /headers/],
    [{ logitBias: new Map([[5, -100]]) }, /logitBias of generate must be an object of token ids/],
    [{ logitBias: [5, -3] }, /logitBias/],
    [{ logitBias: { 5: -101 } }, /logitBias/],
  ];
  for (const [options, says] of wrong) {
    assert.throws(
      () => check(options),
      (error) =>
        error instanceof InvalidArgumentError &&
        says.test(error.message) &&
        !error.message.includes("private"),
    );
  }
  for (const options of [null, 3, [], "x"]) assert.throws(() => check(options), InvalidArgumentError);
});
