import assert from "node:assert/strict";
import { test } from "node:test";
import { SottoError } from "../src/errors.js";
import { chooseGguf, listedNames } from "../src/repository.js";

test("of a repository's GGUFs the best four-bit one is taken, and what is no model never", () => {
  const named = (...types: string[]) => types.map((type) => `Tiny-0.6B-${type}.gguf`);
  assert.equal(chooseGguf(named("F16", "Q8_0", "Q4_0", "Q4_K_M")), "Tiny-0.6B-Q4_K_M.gguf");
  assert.equal(chooseGguf(named("Q8_0", "Q4_0", "Q2_K")), "Tiny-0.6B-Q4_0.gguf");
  assert.equal(chooseGguf(named("Q2_K", "Q8_0")), "Tiny-0.6B-Q8_0.gguf");
  assert.equal(chooseGguf(["tiny.q4_k_m.gguf", "tiny.q8_0.gguf"]), "tiny.q4_k_m.gguf");
  assert.equal(chooseGguf(["README.md", "odd.gguf"]), "odd.gguf");
  assert.equal(chooseGguf(["mmproj-Q4_0.gguf", "tiny-f16.gguf", "imatrix.gguf"]), "tiny-f16.gguf");
  assert.equal(chooseGguf(["config.json", "model.safetensors"]), undefined);
});

test("of a split model the first part is taken", () => {
  const parts = [3, 2, 1].map((part) => `Q4_0/big-Q4_0-0000${part}-of-00003.gguf`);
  assert.equal(chooseGguf(parts), "Q4_0/big-Q4_0-00001-of-00003.gguf");
});

test("a list that is none is refused", () => {
  const list = JSON.stringify({ siblings: [{ rfilename: "a.gguf" }, { rfilename: "b/c.json" }] });
  assert.deepEqual(listedNames(list, "o/r"), ["a.gguf", "b/c.json"]);
  for (const wrong of ["", "{}", "[]", '{"siblings":[{}]}', '{"siblings":"x"}']) {
    assert.throws(
      () => listedNames(wrong, "o/r"),
      (error) => error instanceof SottoError && error.code === "E_MODEL_FORMAT",
      wrong,
    );
  }
});
