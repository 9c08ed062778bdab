import "./start.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { Redactor, withRedaction } from "../../src/pii/index.js";

const redactor = await Redactor.load({ model: false, worker: false });
const URL_ = "https://llm.example/v1/chat/completions";
const request = (content: string) => ({
  method: "POST",
  headers: { "Content-Type": "application/json", "Content-Length": "1" },
  body: JSON.stringify({ model: "m", stream: true, messages: [{ role: "user", content }] }),
});

/** An endpoint that answers with what `answer` makes of the request. */
function endpoint(answer: (body: string) => Response) {
  const seen: string[] = [];
  const fetchLike = async (input: RequestInfo | URL, init?: RequestInit) => {
    const asked = input instanceof Request ? input : new Request(input, init);
    assert.ok(!new Headers(init?.headers).has("content-length"));
    const body = await asked.text();
    seen.push(body);
    return answer(body);
  };
  return { fetchLike, seen };
}

const events = (parts: string[]) => {
  const data = parts.map(
    (content) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`,
  );
  return data.join("") + "data: [DONE]\n\n";
};

/** A response in pieces of a few bytes, cut anywhere. */
function inPieces(text: string, type: string): Response {
  const bytes = new TextEncoder().encode(text);
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < bytes.length; at += 5) controller.enqueue(bytes.subarray(at, at + 5));
      controller.close();
    },
  });
  return new Response(body, { headers: { "Content-Type": type, "Content-Length": String(bytes.length) } });
}

test("the endpoint sees placeholders, the caller values, across split events", async () => {
  const { fetchLike, seen } = endpoint(() =>
    inPieces(
      events(["Dear é [EM", "AIL", "_1", "], call [PHO", "NE_1]"]),
      "text/event-stream; charset=utf-8",
    ),
  );
  const chat = withRedaction(fetchLike, redactor);
  const answer = await chat(URL_, request("I am ana@example.com, +34 600 123 456"));
  const text = await answer.text();
  const parts = text.split("\n\n").filter((line) => line.startsWith("data: {"));
  const content = parts.map(
    (line) =>
      (JSON.parse(line.slice(6)) as { choices: { delta: { content: string } }[] }).choices[0]?.delta.content,
  );
  assert.equal(content.join(""), "Dear é ana@example.com, call +34 600 123 456");
  assert.ok(text.endsWith("data: [DONE]\n\n"));
  assert.ok(!answer.headers.has("content-length"));
  assert.deepEqual(
    seen.map((body) => /ana@|600/.test(body)),
    [false],
  );
  assert.ok(seen[0]?.includes('"content":"I am [EMAIL_1], [PHONE_1]"'));

  // The next turn has the same placeholders.
  await chat(URL_, request("ana@example.com again"));
  assert.match(seen[1] ?? "", /\[EMAIL_1\] again/);
  assert.equal(chat.vault.size, 2);
});

test("a whole answer, a Request, and an error page", async () => {
  const { fetchLike } = endpoint(
    (body) =>
      new Response(
        `{"choices":[{"message":{"content":${JSON.stringify(body.includes("[EMAIL_1]") ? "[EMAIL_1] ok" : "leak")}}}]}`,
        {
          headers: { "Content-Type": "application/json" },
        },
      ),
  );
  const chat = withRedaction(fetchLike, redactor);
  const answer = await chat(new Request(URL_, request("ana@example.com")));
  assert.match(await answer.text(), /ana@example.com ok/);
  const broken = withRedaction(
    () =>
      Promise.resolve(
        new Response("no: [EMAIL_1]", { status: 502, headers: { "Content-Type": "application/json" } }),
      ),
    redactor,
    { vault: chat.vault },
  );
  const page = await broken(URL_, request("x"));
  assert.deepEqual([page.status, await page.text()], [502, "no: ana@example.com"]);
});

test("what cannot be redacted is not sent", async () => {
  const { fetchLike, seen } = endpoint(() => new Response("ok"));
  const chat = withRedaction(fetchLike, redactor);
  const form = new FormData();
  form.set("content", "ana@example.com");
  await assert.rejects(chat(URL_, { method: "POST", body: form }), { code: "E_INVALID_ARGUMENT" });
  await assert.rejects(chat(URL_, { method: "POST", body: "content=ana@example.com" }), {
    code: "E_DOCUMENT_FORMAT",
  });
  await assert.rejects(chat(URL_, { ...request("x"), signal: AbortSignal.abort() }), { code: "E_ABORTED" });
  assert.deepEqual(seen, []);
  assert.equal(await (await chat("https://llm.example/v1/models")).text(), "ok");
});
