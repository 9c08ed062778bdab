/** Replies in a form: JSON schemas, grammars, biases and logits in the page's hands, through the package. */
import { STORIES, withMetadata } from "../harness/fixtures.ts";
import { load, openModelPage, write } from "../harness/model.ts";
import { expect, test } from "../harness/test.ts";

const PATH = "/m/stories.gguf";
const SCHEMA = {
  type: "object",
  properties: {
    name: { type: "string", maxLength: 10 },
    age: { type: "integer", minimum: 1, maximum: 9 },
    mood: { enum: ["glad", "sad"] },
  },
  required: ["name", "age", "mood"],
};

test.beforeEach(async ({ page, server }) => {
  server.put(PATH, { bytes: STORIES });
  await openModelPage(page, server);
});

for (const [where, options] of [
  ["in a worker, on WebGPU", {}],
  ["in the page, on WebGPU", { worker: false }],
  ["in a worker, on the processor", { device: "cpu" }],
] as const) {
  test(`a reply is JSON of its schema ${where}`, async ({ page }) => {
    await load(page, PATH, options);
    const { value } = await write(page, "Lily is", { jsonSchema: SCHEMA, maxTokens: 200 });
    expect(value?.last.finishReason).toBe("stop");
    const person = JSON.parse(value?.text ?? "") as { name: string; age: number; mood: string };
    expect(Object.keys(person)).toEqual(["name", "age", "mood"]);
    expect(person.name.length).toBeLessThanOrEqual(10);
    expect(person.age).toBeGreaterThanOrEqual(1);
    expect(person.age).toBeLessThanOrEqual(9);
    expect(["glad", "sad"]).toContain(person.mood);
    const again = await write(page, "Lily is", { jsonSchema: SCHEMA, maxTokens: 200, speculate: true });
    expect(again.value?.text).toBe(value?.text);
    const yes = await write(page, "Lily said", { grammar: 'root ::= " yes" | " no"' });
    expect([" yes", " no"]).toContain(yes.value?.text);
    const cut = await write(page, "Lily said", { grammar: "root ::= [a-z]{90}", maxTokens: 5 });
    expect(cut.value?.last.finishReason).toBe("length");
  });

  test(`logits are biased, or changed by the page, ${where}`, async ({ page }) => {
    await load(page, PATH, options);
    const plain = (await write(page, "Lily", { maxTokens: 6 })).value?.ids ?? [];
    const banned = plain[1] ?? 0;
    const biased = (await write(page, "Lily", { maxTokens: 6, logitBias: { [banned]: -100 } })).value?.ids;
    expect(biased).not.toContain(banned);
    const told = await page.evaluate(
      async (wanted) => {
        const seen: [number, number[]][] = [];
        const ids: number[] = [];
        const logitsProcessor = async (logits: Float32Array, ids: readonly number[]) => {
          seen.push([logits.length, [...ids]]);
          await model.tokenize("the model answers meanwhile");
          if (ids.length < wanted.length) logits[wanted[ids.length] ?? 0] = 1e4;
        };
        const parts = model.generate("Lily", { temperature: 0, maxTokens: 4, logitsProcessor });
        for await (const part of parts) ids.push(...part.ids);
        return { seen, ids };
      },
      [300, 301, 302, 410],
    );
    expect(told.ids).toEqual([300, 301, 302, 410]);
    expect(told.seen).toEqual([0, 1, 2, 3].map((n) => [512, told.ids.slice(0, n)]));
    const thrown = await page.evaluate(async () => {
      const own = new Error("the page's own");
      const logitsProcessor = () => {
        throw own;
      };
      try {
        await model.generate("Lily", { logitsProcessor }).next();
      } catch (error) {
        return error === own;
      }
      return "nothing was thrown";
    });
    expect(thrown).toBe(true);
    expect((await write(page, "Lily", { maxTokens: 6 })).value?.ids).toEqual(plain);
  });
}

test("a processor of logits in the page can be left waiting, and its errors are its own", async ({
  page,
}) => {
  await load(page, PATH, { device: "cpu", worker: false });
  const codes = await page.evaluate(async () => {
    const told = async (logitsProcessor: () => Promise<void>, signal?: AbortSignal) => {
      try {
        await model.generate("Lily", { logitsProcessor, signal }).next();
      } catch (error) {
        return (error as { code?: string }).code;
      }
      return "nothing was thrown";
    };
    const lost = Object.assign(new Error("of another model"), { code: "E_DEVICE_LOST" });
    return [
      await told(() => new Promise<void>(() => undefined), AbortSignal.timeout(200)),
      await told(() => Promise.reject(lost)),
    ];
  });
  expect(codes).toEqual(["E_ABORTED", "E_DEVICE_LOST"]);
  expect((await write(page, "Lily", { maxTokens: 3 })).value?.ids).toHaveLength(3);
});

test("what cannot be followed is told before a step, and the model goes on", async ({ page }) => {
  await load(page, PATH, { device: "cpu" });
  const broken = await write(page, "Lily", { grammar: 'root ::= "a' });
  expect(broken.code).toBe("E_GRAMMAR");
  expect(broken.message).toContain("line 1, column 12");
  const unsupported = await write(page, "Lily", { jsonSchema: { properties: { a: { multipleOf: 3 } } } });
  expect(unsupported.code).toBe("E_GRAMMAR");
  expect(unsupported.message).toContain("#/properties/a/multipleOf");
  expect((await write(page, "Lily", { jsonSchema: false })).code).toBe("E_GRAMMAR");
  expect((await write(page, "Lily", { jsonSchema: {}, grammar: 'root ::= "a"' })).code).toBe(
    "E_INVALID_ARGUMENT",
  );
  expect((await write(page, "Lily", { logitBias: { 100000: 1 } })).code).toBe("E_INVALID_ARGUMENT");
  const kind = await page.evaluate(async () => {
    try {
      await model.generate("Lily", { grammar: "" }).next();
      return "nothing was thrown";
    } catch (error) {
      return error instanceof sotto.GrammarError;
    }
  });
  expect(kind).toBe(true);
  const { value } = await write(page, "Lily", { jsonSchema: { type: "boolean" } });
  expect(["true", "false"]).toContain(value?.text);
});

test("an abort ends a constrained reply in the middle, and the next one begins anew", async ({ page }) => {
  await load(page, PATH);
  const told = await page.evaluate(async () => {
    const abort = new AbortController();
    let parts = 0;
    try {
      const options = { grammar: "root ::= [a-z ]{200}", signal: abort.signal };
      for await (const part of model.generate("Lily", options)) {
        parts += part.ids.length;
        if (parts >= 3) abort.abort();
      }
    } catch (error) {
      return { parts, code: error instanceof sotto.SottoError && error.code };
    }
    return { parts };
  });
  expect(told.code).toBe("E_ABORTED");
  expect(told.parts).toBeLessThan(60);
  expect((await write(page, "Lily", { grammar: "root ::= [a-z]{9}" })).value?.text).toMatch(/^[a-z]{9}$/);
});

test("a chat answers in the form that it is asked for, streamed or whole", async ({ page, server }) => {
  const template = "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}";
  const url = server.put("/m/chat.gguf", {
    bytes: withMetadata(STORIES, "tokenizer.chat_template", template),
  });
  await load(page, url, { device: "cpu" });
  const told = await page.evaluate(async (schema) => {
    const request = {
      messages: [{ role: "user" as const, content: "Lily is" }],
      temperature: 0,
      max_tokens: 300,
      response_format: {
        type: "json_schema" as const,
        json_schema: { name: "person", strict: true, schema },
      },
    };
    const whole = (await model.chat.completions.create(request)).choices[0];
    let streamed = "";
    for await (const chunk of await model.chat.completions.create({ ...request, stream: true }))
      streamed += chunk.choices[0]?.delta.content ?? "";
    const object = await model.chat.completions.create({
      ...request,
      response_format: { type: "json_object" },
      frequency_penalty: 2,
      max_tokens: 12,
    });
    return { whole, streamed, object: object.choices[0]?.message.content };
  }, SCHEMA);
  expect(told.whole?.finish_reason).toBe("stop");
  expect(JSON.parse(told.streamed)).toMatchObject({ name: expect.any(String) });
  expect(told.streamed).toBe(told.whole?.message.content);
  expect(told.object).toMatch(/^\{/);
});
