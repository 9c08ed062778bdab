import assert from "node:assert/strict";
import { test } from "node:test";
import { SottoError } from "../src/errors.js";
import { manifestFileUrl, resolveSource, shownUrl, siblingUrl } from "../src/source.js";

const base = "https://page.example/app/index.html";
const url = (source: string, hfEndpoint?: string) => {
  const resolved = resolveSource(source, { base, hfEndpoint });
  return resolved.kind === "blobs" ? undefined : resolved.url;
};
const code = (expected: string) => (error: unknown) => error instanceof SottoError && error.code === expected;

test("addresses are relative to the page", () => {
  assert.equal(url("models/a.gguf"), "https://page.example/app/models/a.gguf");
  assert.equal(url("/a.gguf"), "https://page.example/a.gguf");
  assert.equal(url("https://cdn.example/a.gguf?token=1#part"), "https://cdn.example/a.gguf?token=1");
});

test("an address tells a manifest, a GGUF and a folder of safetensors apart, where it can", () => {
  const kind = (source: string) => resolveSource(source, { base }).kind;
  assert.equal(kind("m/manifest.json?v=2"), "manifest");
  assert.equal(kind("m/model.gguf"), "gguf");
  assert.equal(kind("https://cdn.example/download?id=7"), "gguf");
  assert.equal(kind("https://cdn.example/models/tiny"), "address");
  for (const folder of ["m/", "m/config.json", "m/model.safetensors", "m/model.safetensors.index.json"]) {
    assert.equal(kind(folder), "folder", folder);
    assert.equal(url(folder), "https://page.example/app/m/");
  }
  assert.equal(url("https://cdn.example/m/config.json?sig=1"), "https://cdn.example/m/?sig=1");
});

test("a repository is named by hf:, or by the address of its page", () => {
  const repo = (source: string, hfEndpoint?: string) => {
    const resolved = resolveSource(source, { base, hfEndpoint });
    assert.equal(resolved.kind, "repo");
    return resolved;
  };
  const tiny = {
    kind: "repo",
    id: "https://huggingface.co/o/tiny",
    url: "https://huggingface.co/o/tiny/resolve/main/",
    name: "o/tiny",
    listing: "https://huggingface.co/api/models/o/tiny",
  };
  for (const source of ["hf:o/tiny", "hf:o/tiny/", "https://huggingface.co/o/tiny", tiny.id]) {
    assert.deepEqual(repo(source), tiny, source);
  }
  const v1 = {
    kind: "repo",
    id: "https://mirror.example/hf/o/tiny/tree/v1",
    url: "https://mirror.example/hf/o/tiny/resolve/v1/",
    name: "o/tiny",
    listing: "https://mirror.example/hf/api/models/o/tiny/revision/v1",
  };
  for (const source of ["hf:o/tiny@v1", v1.id]) {
    assert.deepEqual(repo(source, "https://mirror.example/hf/"), v1, source);
  }
  assert.equal(
    url("https://huggingface.co/o/r/blob/main/a.gguf"),
    "https://huggingface.co/o/r/resolve/main/a.gguf",
  );
  assert.equal(
    url("https://huggingface.co/o/r/tree/main/sub"),
    "https://huggingface.co/o/r/resolve/main/sub/",
  );
  assert.equal(url("hf:o/r/sub"), "https://huggingface.co/o/r/resolve/main/sub/");
  assert.equal(url("hf:o/r/sub/config.json"), "https://huggingface.co/o/r/resolve/main/sub/");
  // A server of one's own may serve files from its root.
  assert.equal(url("https://own.example/m/a.gguf", "https://own.example"), "https://own.example/m/a.gguf");
});

test("Hugging Face names", () => {
  assert.equal(
    url("hf:Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q4_K_M.gguf"),
    "https://huggingface.co/Qwen/Qwen3-0.6B-GGUF/resolve/main/Qwen3-0.6B-Q4_K_M.gguf",
  );
  assert.equal(url("hf:o/r@v1.0/sub_dir/a.gguf"), "https://huggingface.co/o/r/resolve/v1.0/sub_dir/a.gguf");
  assert.equal(
    url("hf:o/r/a.gguf", "https://mirror.example/hf/"),
    "https://mirror.example/hf/o/r/resolve/main/a.gguf",
  );
  for (const wrong of [
    "hf:/r/a.gguf",
    "hf:o",
    "hf:o/r@/a.gguf",
    "hf:o/r/a b.gguf",
    "hf:o/r/../x/y.gguf",
    "hf:../r/y.gguf",
  ]) {
    assert.throws(() => url(wrong), code("E_INVALID_ARGUMENT"), wrong);
  }
});

test("what is not a source is refused", () => {
  for (const wrong of [
    "",
    "  ",
    7,
    null,
    undefined,
    {},
    [],
    ["a.gguf"],
    "ftp://x/a.gguf",
    "blob:https://x/1",
  ]) {
    assert.throws(() => resolveSource(wrong, { base }), code("E_INVALID_ARGUMENT"), JSON.stringify(wrong));
  }
  assert.throws(() => url("model.onnx"), code("E_MODEL_FORMAT"));
});

test("the parts of a split file sort by name", () => {
  const part = (n: number) => new File(["x"], `m-0000${n}-of-00003.gguf`);
  const resolved = resolveSource([part(3), part(1), part(2)], { base });
  assert.ok(resolved.kind === "blobs");
  assert.deepEqual(
    resolved.names,
    [1, 2, 3].map((n) => `m-0000${n}-of-00003.gguf`),
  );
});

test("files beside a file keep its query", () => {
  assert.equal(
    siblingUrl("https://x.example/d/a-1.gguf?sig=s", "a-2.gguf"),
    "https://x.example/d/a-2.gguf?sig=s",
  );
});

test("messages show neither query nor credentials", () => {
  assert.equal(shownUrl("https://me:pw@x.example/a.gguf?token=secret"), "https://x.example/a.gguf");
});

test("a manifest's files lie in its folder", () => {
  assert.equal(
    manifestFileUrl("https://x.example/m/manifest.json", "sub/a.gguf"),
    "https://x.example/m/sub/a.gguf",
  );
  for (const wrong of ["../a.gguf", "/a.gguf", "a/../../b.gguf", "..\\a.gguf/../../a.gguf"]) {
    assert.throws(
      () => manifestFileUrl("https://x.example/m/manifest.json", wrong),
      code("E_MODEL_FORMAT"),
      wrong,
    );
  }
});
