/** The package in pages of many kinds: their own workers, frameworks' proxies, callbacks that throw, two GPUs. */
import { STORIES, STORY, withMetadata } from "../harness/fixtures.ts";
import { load, openModelPage, write } from "../harness/model.ts";
import { expect, test } from "../harness/test.ts";

const PATH = "/m/stories.gguf";

test.beforeEach(async ({ page, server }) => {
  server.put(PATH, { bytes: STORIES });
  await openModelPage(page, server);
});

test("a page's own worker loads and deletes models by addresses relative to its script", async ({
  page,
  server,
}) => {
  const script = `
    import { deleteModel, loadModel } from "/sotto/index.js";
    const said = [];
    for (const worker of [true, false]) {
      await using model = await loadModel("stories.gguf", { worker });
      let text = "";
      for await (const part of model.generate("", { temperature: 0, maxTokens: 200 })) text += part.text;
      said.push(text);
    }
    said.push(await deleteModel("stories.gguf"));
    postMessage(said);
  `;
  server.put("/m/worker.js", { bytes: new TextEncoder().encode(script), contentType: "text/javascript" });
  const said = await page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const worker = new Worker("/m/worker.js", { type: "module" });
        worker.onmessage = ({ data }) => {
          resolve(data);
        };
        worker.onerror = ({ message }) => {
          reject(new Error(message));
        };
      }),
  );
  expect(said).toEqual([STORY, STORY, true]);
});

test("what frameworks wrap in proxies works, and what no worker can be sent is refused", async ({
  page,
  server,
}) => {
  const template = "{{ bos_token }}{% for m in messages %}{{ m.content or '' }}{% endfor %}";
  const url = server.put("/m/chat.gguf", {
    bytes: withMetadata(STORIES, "tokenizer.chat_template", template),
  });
  await load(page, url);
  const said = await page.evaluate(async () => {
    const stop = new Proxy(["little girl"], {});
    let text = "";
    for await (const part of model.generate("", { temperature: 0, stop })) text += part.text;
    const chat = (message: object) =>
      model.chat.completions
        .create({ messages: [message as never], temperature: 0, max_completion_tokens: 5 })
        .then(
          (reply) => reply.choices[0]?.message.content !== "",
          (error: unknown) => (error as { code: string }).code,
        );
    return [
      text,
      await chat(new Proxy({ role: "user", content: "Lily" }, {})),
      await chat({ role: "assistant", content: null, tool_calls: new Proxy([{ id: "1" }], {}) }),
      await chat({ role: "assistant", content: null, tool_calls: [() => "secret"] }),
    ];
  });
  const told = STORY.slice(0, STORY.indexOf("little girl"));
  expect(said).toEqual([told, true, true, "E_INVALID_ARGUMENT"]);
});

test("headers may come in a Headers", async ({ page }) => {
  const sent: (string | undefined)[] = [];
  page.on("request", (request) => {
    if (request.url().endsWith(PATH)) sent.push(request.headers().authorization);
  });
  const code = await page.evaluate(async (url) => {
    globalThis.model = await sotto.loadModel(url, { headers: new Headers({ Authorization: "Bearer x" }) });
    return sotto.loadModel(url, { headers: { "no name": "secret" } }).catch((error: unknown) => {
      return (error as { code: string }).code;
    });
  }, PATH);
  // Of the header, and of the rest.
  expect(sent).toEqual(["Bearer x", "Bearer x"]);
  expect(code).toBe("E_INVALID_ARGUMENT");
});

test("what onProgress throws is reported to the page and does not end the load", async ({ page }) => {
  const reported: string[] = [];
  page.on("pageerror", ({ message }) => reported.push(message));
  for (const worker of [true, false]) {
    reported.length = 0;
    await page.evaluate(
      async ([url, worker]) => {
        const onProgress = () => {
          throw new Error("the page's own fault");
        };
        globalThis.model = await sotto.loadModel(url, { worker, onProgress });
      },
      [PATH, worker] as const,
    );
    expect(reported[0]).toBe("the page's own fault");
    expect((await write(page, "", { maxTokens: 200 })).value?.text).toBe(STORY);
  }
});

test("the device's name is that of the adapter the engine asked for", async ({ page, server }) => {
  await page.addInitScript(() => {
    const asked: unknown[] = [];
    Object.assign(globalThis, { asked });
    // eslint-disable-next-line @typescript-eslint/unbound-method
    const requestAdapter = GPU.prototype.requestAdapter;
    GPU.prototype.requestAdapter = function (options) {
      asked.push(options?.powerPreference);
      return requestAdapter.call(this, options);
    };
  });
  await openModelPage(page, server);
  await load(page, PATH, { worker: false });
  const asked = await page.evaluate(() => (globalThis as unknown as { asked: string[] }).asked);
  expect(asked.length).toBeGreaterThanOrEqual(2);
  expect(new Set(asked)).toEqual(new Set(["high-performance"]));
});
