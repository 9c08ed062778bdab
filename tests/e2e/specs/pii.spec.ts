/** The package's redaction in a real browser: its worker, its bundled model, the page's nodes, and what it asks of the network. */
import { readFileSync } from "node:fs";
import { openPii } from "../harness/pii.ts";
import { expect, test } from "../harness/test.ts";

interface Case {
  text: string;
  /** In code points. */
  spans: { start: number; end: number; label: string }[];
}

/** What the bundled model finds in a few texts, computed from its file by other code (`models/pii-mini/train/reference.py`). */
const CASES = JSON.parse(
  readFileSync(new URL("../../../models/pii-mini/reference/cases.json", import.meta.url), "utf8"),
) as Case[];

/** A text with names that the model finds, and the first of them. */
function withName(): { text: string; name: string } {
  for (const { text, spans } of CASES) {
    const person = spans.find(({ label }) => label === "PERSON");
    if (person) return { text, name: Array.from(text).slice(person.start, person.end).join("") };
  }
  throw new Error("no reference case has a name");
}

const { text: SENTENCE, name: NAME } = withName();

test("recognisers alone fetch no engine and no model, and nothing after loading", async ({
  page,
  server,
}) => {
  await openPii(page, server);
  await page.evaluate(async () => {
    globalThis.redactor = await pii.Redactor.load({ model: false });
  });
  const fetched = server.seen.map(({ path }) => path);
  expect(fetched.filter((path) => path.endsWith(".wasm"))).toEqual(["/sotto/sotto_web_pii_bg.wasm"]);
  expect(fetched).toContain("/sotto/pii-worker.js");
  expect(fetched.filter((path) => path.endsWith(".gguf"))).toEqual([]);
  server.forget();
  const result = await page.evaluate(async () => {
    const { text, vault } = await redactor.redact("Call ana@example.com, \ud800 +34 600 123 456");
    const { document } = await redactor.redactJson({ mail: "ana@example.com" });
    return { text, restored: vault.restore(text), document };
  });
  expect(result).toEqual({
    text: "Call [EMAIL_1], \ud800 [PHONE_1]",
    restored: "Call ana@example.com, \ud800 +34 600 123 456",
    document: { mail: "[EMAIL_1]" },
  });
  expect(server.seen).toEqual([]);
});

test("the page answers while the worker reads ten megabytes on one line, and an abort stops it", async ({
  page,
  server,
}) => {
  await openPii(page, server);
  const result = await page.evaluate(async () => {
    const redactor = await pii.Redactor.load({ model: false });
    const text = "4111 1111 1111 1111,ana@example.com;(415) 555-2671 x ".repeat(200_000);
    let frames = 0;
    const ticking = setInterval(() => frames++, 10);
    const abort = new AbortController();
    const parts: number[] = [];
    const error = await redactor
      .analyze(text, {
        signal: abort.signal,
        onProgress: (part) => {
          parts.push(part);
          if (part > 0.2) abort.abort();
        },
      })
      .then(
        () => undefined,
        (error: unknown) => (error as { code: string; name: string }).name,
      );
    // The worker is free again at once.
    const began = performance.now();
    const { text: next } = await redactor.redact("ana@example.com");
    const waited = performance.now() - began;
    clearInterval(ticking);
    const whole = await redactor.redact(text);
    return { error, frames, most: Math.max(...parts), next, waited, entities: whole.entities.length };
  });
  expect(result.error).toBe("AbortError");
  expect(result.frames).toBeGreaterThan(1);
  expect(result.most).toBeLessThan(0.9);
  expect(result.next).toBe("[EMAIL_1]");
  expect(result.entities).toBe(600_000);
});

test("the bundled model finds what the reference does, on the GPU and on the processor, with no network but the site's files", async ({
  page,
  server,
}) => {
  const hosts = new Set<string>();
  page.on("request", (request) => hosts.add(new URL(request.url()).host));
  await openPii(page, server);
  for (const device of ["webgpu", "auto", "cpu"] as const) {
    const result = await page.evaluate(
      async ([texts, device]) => {
        const redactor = await pii.Redactor.load({ device });
        const found = [];
        for (const text of texts) {
          // The reference has what the model reads, however unsure it is.
          const { text: redacted, entities, vault } = await redactor.redact(text, { threshold: 0 });
          found.push({ entities, redacted, whole: vault.restore(redacted) === text });
        }
        await redactor.close();
        return { model: redactor.model, found };
      },
      [CASES.map(({ text }) => text), device] as const,
    );
    // The browser's GPU is a software one.
    expect(result.model?.backend).toBe(device === "webgpu" ? "webgpu" : "cpu");
    for (const [index, { spans }] of CASES.entries()) {
      const { entities = [], whole } = result.found[index] ?? {};
      expect(whole).toBe(true);
      // Every span of the model is there, unless a recogniser knows better what stands in its place.
      for (const { start, end } of spans) {
        const over = entities.filter(({ codePoints }) => codePoints.start < end && start < codePoints.end);
        expect(over.length, JSON.stringify({ index, start, end })).toBeGreaterThan(0);
        for (const { by, codePoints } of over.filter(({ by }) => by === "model"))
          expect([by, codePoints.start >= start, codePoints.end <= end]).toEqual(["model", true, true]);
      }
      const people = spans.filter(({ label }) => label === "PERSON");
      for (const { start, end } of people)
        expect(entities.map(({ codePoints }) => codePoints)).toContainEqual({ start, end });
    }
  }
  expect(Array.from(hosts)).toEqual([new URL(server.origin).host]);
});

test("without WebGPU the model runs on the processor", async ({ page, server }) => {
  await page.addInitScript(() => {
    Object.defineProperty(Navigator.prototype, "gpu", { value: undefined });
  });
  await openPii(page, server);
  const result = await page.evaluate(async (text) => {
    // In the page, where the navigator is the one without a GPU.
    const redactor = await pii.Redactor.load({ worker: false });
    return { backend: redactor.model?.backend, text: (await redactor.redact(text)).text };
  }, SENTENCE);
  expect(result.backend).toBe("cpu");
  expect(result.text).not.toContain(NAME);
});

test("a long text goes through the model in pieces, with progress, and can be called off", async ({
  page,
  server,
}) => {
  await openPii(page, server);
  const result = await page.evaluate(async (sentence) => {
    const redactor = await pii.Redactor.load({ device: "cpu" });
    const text = sentence.repeat(1500);
    const abort = new AbortController();
    const parts: number[] = [];
    const error = await redactor
      .analyze(text, {
        signal: abort.signal,
        onProgress: (part) => {
          parts.push(part);
          if (parts.length === 2) abort.abort();
        },
      })
      .then(
        () => undefined,
        (error: unknown) => (error as { code: string }).code,
      );
    return { error, parts };
  }, SENTENCE);
  expect(result.error).toBe("E_ABORTED");
  expect(result.parts).toHaveLength(2);
  expect(result.parts[1]).toBeLessThan(0.5);
});

test("the page's text, attributes and fields are redacted and put back", async ({ page, server }) => {
  await openPii(page, server);
  const before = await page.locator("#article").innerHTML();
  await page.evaluate(async () => {
    const redactor = await pii.Redactor.load({
      model: false,
      recognisers: { deny: { PERSON: ["Ana Ruiz"] } },
    });
    const inputs: string[] = [];
    document.addEventListener("input", (event) => inputs.push((event.target as HTMLInputElement).value));
    const article = document.querySelector("#article");
    if (!article) throw new Error("the page has no article");
    globalThis.done = await pii.redactDom(redactor, article);
    globalThis.inputs = inputs;
  });
  const article = page.locator("#article");
  await expect(article.locator("p").first()).toHaveText("Dear [PERSON_1], write to [EMAIL_2] soon.", {
    useInnerText: true,
  });
  await expect(article.locator("b")).toHaveText("[PERSON_1]");
  await expect(article.locator("a")).toHaveText("[EMAIL_2]");
  await expect(article).toHaveAttribute("title", "From [EMAIL_1]");
  await expect(article.locator("[data-sotto-keep]")).toHaveText("Kept: cy@example.com");
  expect(await article.locator("script").textContent()).toContain("di@example.com");
  await expect(article.locator("[name=mail]")).toHaveValue("[EMAIL_3]");
  await expect(article.locator("[name=phone]")).toHaveValue("[PHONE_1]");
  await expect(article.locator("[type=password]")).toHaveValue("fy@example.com");
  await expect(article.locator("textarea")).toHaveValue("[EMAIL_4]");
  expect(await page.evaluate(() => inputs)).toEqual(["[EMAIL_3]", "[PHONE_1]", "[EMAIL_4]"]);
  await page.evaluate(() => {
    done.restore();
  });
  expect(await article.innerHTML()).toBe(before);
  await expect(article.locator("textarea")).toHaveValue("gi@example.com");
});

test("a stream through the worker, and an endpoint behind it", async ({ page, server }) => {
  await openPii(page, server);
  server.put("/v1/chat/completions", {
    bytes: new TextEncoder().encode(
      ["Dear [EM", "AIL_1]", "!"]
        .map((content) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`)
        .join("") + "data: [DONE]\n\n",
    ),
    contentType: "text/event-stream",
    ranges: false,
  });
  const result = await page.evaluate(async () => {
    const redactor = await pii.Redactor.load({ model: false });
    const stream = redactor.redactStream();
    const parts = ["My mail is ana.ma", "ria@example", ".com, so ", "write. ".repeat(100)];
    const source = new ReadableStream<string>({
      start(controller) {
        for (const part of parts) controller.enqueue(part);
        controller.close();
      },
    });
    let redacted = "";
    const reader = source.pipeThrough(stream).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) redacted += part.value;
    const chat = pii.withRedaction((input, init) => fetch(input, init), redactor);
    const answer = await chat("/v1/chat/completions", {
      method: "POST",
      body: JSON.stringify({ messages: [{ role: "user", content: "I am ana@example.com" }] }),
    });
    return {
      redacted,
      restored: stream.vault.restore(redacted) === parts.join(""),
      answer: await answer.text(),
    };
  });
  expect(result.redacted).toMatch(/^My mail is \[EMAIL_1\], so write\. /);
  expect(result.restored).toBe(true);
  expect(result.answer).toContain("ana@example.com");
  expect(result.answer).not.toContain("EMAIL_1");
});

declare global {
  var redactor: Awaited<ReturnType<typeof pii.Redactor.load>>;
  var done: { restore(): void };
  var inputs: string[];
}
