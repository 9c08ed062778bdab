import "./start.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { Redactor, type ReplacedEntity } from "../../src/pii/index.js";

const redactor = await Redactor.load({ model: false, worker: false });

function cut(text: string, size: number): ReadableStream<string> {
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < text.length; at += size) controller.enqueue(text.slice(at, at + size));
      controller.close();
    },
  });
}

async function all(stream: ReadableStream<string>): Promise<string> {
  let text = "";
  for await (const part of stream as unknown as AsyncIterable<string>) text += part;
  return text;
}

test("a stream is redacted and restored, wherever it is cut", async () => {
  const text = "😀 My mail is ana.maria@example.com and my card 4111 1111 1111 1111, is it not? ".repeat(20);
  for (const size of [1, 3, 50, 10_000]) {
    const found: ReplacedEntity[] = [];
    const stream = redactor.redactStream({ onEntities: (entities) => found.push(...entities) });
    const redacted = await all(cut(text, size).pipeThrough(stream));
    assert.equal(
      redacted,
      text
        .replaceAll("ana.maria@example.com", "[EMAIL_1]")
        .replaceAll("4111 1111 1111 1111", "[CREDIT_CARD_1]"),
    );
    assert.equal(found.length, 40);
    for (const { start, end, text: value } of found) assert.equal(text.slice(start, end), value);
    assert.equal(await all(cut(redacted, size).pipeThrough(stream.vault.restoreStream())), text);
    assert.equal(await all(cut(redacted, size).pipeThrough(redactor.restoreStream(stream.vault))), text);
  }
});

test("nothing is let out that later text could turn into an address", async () => {
  const stream = redactor.redactStream();
  const reader = stream.readable.getReader();
  const writer = stream.writable.getWriter();
  const got: string[] = [];
  const reading = (async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) got.push(part.value);
  })();
  await writer.write(`${"All is well. ".repeat(60)}Write to ana.maria`);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(got.join("").length > 300, "the delay is bounded");
  assert.ok(!got.join("").includes("ana"));
  await writer.write("@exam");
  await writer.write("ple.com");
  await writer.close();
  await reading;
  assert.ok(got.join("").endsWith("Write to [EMAIL_1]"));
});

test("an abort fails the stream", async () => {
  const abort = new AbortController();
  const stream = redactor.redactStream({ signal: abort.signal });
  const reading = all(stream.readable);
  const writer = stream.writable.getWriter();
  abort.abort();
  const wrote = writer.write("x ".repeat(2000)).catch(() => undefined);
  await assert.rejects(reading, { code: "E_ABORTED" });
  await wrote;
});
