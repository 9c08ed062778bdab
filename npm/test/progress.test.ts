import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Progress, ProgressMeter, telling } from "../src/progress.js";

function meter(): { meter: ProgressMeter; told: Progress[] } {
  const told: Progress[] = [];
  return { meter: new ProgressMeter((progress) => told.push(progress)), told };
}

test("the engine's bytes count once the network's are all there", () => {
  const { meter: m, told } = meter();
  m.file = "a.gguf";
  m.total = 10;
  m.downloaded(4);
  m.written(4);
  m.downloaded(6);
  m.written(6);
  assert.deepEqual(told.at(-1), { phase: "load", loaded: 10, total: 10, file: "a.gguf" });
  assert.ok(
    told.every((p, i) => p.phase === "download" || told.slice(i).every((later) => later.phase === "load")),
  );
});

test("what came just before a pause is told within moments", async () => {
  const { meter: m, told } = meter();
  m.total = 100;
  await sleep(60);
  for (let i = 0; i < 7; i++) m.downloaded(10);
  const loaded = () => told.map((p) => p.loaded);
  assert.deepEqual(loaded(), [10]);
  while (loaded().length < 2) await sleep(5);
  assert.deepEqual(loaded(), [10, 70]);
});

test("nothing is told after the end", async () => {
  const { meter: m, told } = meter();
  m.total = 100;
  m.downloaded(10);
  m.downloaded(10);
  m.stop();
  const count = told.length;
  m.downloaded(10);
  await sleep(80);
  assert.equal(told.length, count);
});

test("what the page's callback throws is reported to the page, and goes no further", (t) => {
  const reported: unknown[] = [];
  // Browsers have it; Node has not.
  Object.assign(globalThis, { reportError: (error: unknown) => reported.push(error) });
  t.after(() => {
    Reflect.deleteProperty(globalThis, "reportError");
  });
  const fault = new Error("the page's own");
  telling(() => {
    throw fault;
  })(1);
  telling(undefined)(1);
  assert.deepEqual(reported, [fault]);
});
