/** The demo as it is built and served: what a visitor sees, and what the page asks of the network. */
import type { Page } from "@playwright/test";
import { STORIES, STORY, withMetadata } from "../harness/fixtures.ts";
import { expect, test } from "../harness/test.ts";

const MODEL = "/demo/models/stories260K-f32.gguf";
// The browser's GPU is a software one, which the page takes only when it is named.
const GREEDY = "auto=1&prompt=&max=200&temperature=0&device=webgpu";

const output = (page: Page) => page.locator("#output");

/** Everything the page and its workers ask for; what the page's policy forbids is in `problems`. */
function watch(page: Page): { requests: string[]; problems: string[] } {
  const requests: string[] = [];
  const problems: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(error.message));
  return { requests, problems };
}

async function writesTheStory(page: Page): Promise<void> {
  await expect(output(page)).toHaveAttribute("data-state", "done", { timeout: 60_000 });
  expect(await output(page).textContent()).toBe(STORY);
}

test("the bundled model writes the reference text, and a reload fetches no weights", async ({
  page,
  server,
}) => {
  const { requests, problems } = watch(page);
  await page.goto(`${server.origin}/demo/index.html?${GREEDY}`);
  await writesTheStory(page);
  expect(server.requests(MODEL)).toHaveLength(1);
  server.forget();
  await page.reload();
  await writesTheStory(page);
  expect(server.requests(MODEL)).toEqual([]);
  // The engine's own file, which the worker fetches, shows that workers' requests are seen here too.
  expect(requests.some((url) => url.endsWith(".wasm"))).toBe(true);
  expect(requests.filter((url) => new URL(url).origin !== server.origin)).toEqual([]);
  expect(problems).toEqual([]);
});

test("nothing is requested while it writes", async ({ page, server }) => {
  const { requests } = watch(page);
  await page.goto(`${server.origin}/demo/index.html`);
  await page.getByRole("button", { name: "Load", exact: true }).click();
  await expect(output(page)).toHaveAttribute("data-state", "ready");
  server.forget();
  requests.length = 0;
  await page.getByLabel("Prompt").fill("Once upon a time");
  await page.getByRole("button", { name: "Write" }).click();
  await expect(output(page)).toHaveAttribute("data-state", "done", { timeout: 60_000 });
  expect(await output(page).textContent()).not.toBe("");
  expect(await page.locator("#echo").textContent()).toBe("Once upon a time");
  expect(requests).toEqual([]);
  expect(server.seen).toEqual([]);
  for (const id of ["#speed", "#first", "#memory", "#device-name"])
    await expect(page.locator(id)).not.toHaveText("–");
});

test("in a chat, too, speed and first token are the engine's, and not those of the empty first chunk", async ({
  page,
  server,
}) => {
  const template = "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}";
  const bytes = withMetadata(STORIES, "tokenizer.chat_template", template);
  const url = server.put("/m/chat.gguf", { bytes });
  await page.goto(`${server.origin}/demo/index.html?max=60&temperature=0&model=${encodeURIComponent(url)}`);
  await page.getByRole("button", { name: "Load", exact: true }).click();
  await expect(output(page)).toHaveAttribute("data-state", "ready");
  await expect(page.getByLabel("Answer as chat")).toBeChecked();
  await page.evaluate(() => {
    const [first, output] = ["first", "output"].map((id) => document.getElementById(id));
    if (!first || !output) throw new Error("the page has changed");
    const early: string[] = [];
    Object.assign(globalThis, { early });
    new MutationObserver(() => {
      if (output.textContent === "" && first.textContent !== "–") early.push(first.textContent);
    }).observe(first, { childList: true, characterData: true, subtree: true });
  });
  await page.getByLabel("Prompt").fill("Once upon a time");
  await page.getByRole("button", { name: "Write" }).click();
  await expect(output(page)).toHaveAttribute("data-state", "done", { timeout: 60_000 });
  expect(await page.evaluate(() => (globalThis as unknown as { early: string[] }).early)).toEqual([]);
  for (const id of ["#first", "#speed"]) await expect(page.locator(id)).toHaveText(/[1-9]/);
});

test("stop stops, and writing begins again", async ({ page, server }) => {
  await page.goto(`${server.origin}/demo/index.html?temperature=0&max=400`);
  await page.getByRole("button", { name: "Load", exact: true }).click();
  // Pressed from inside the page, at the first piece of text: a click from here can come after the last one.
  await page.evaluate(() => {
    const [stop, output] = ["stop", "output"].map((id) => document.getElementById(id));
    if (!stop || !output) throw new Error("the page has changed");
    new MutationObserver((_, observer) => {
      if (output.textContent === "") return;
      observer.disconnect();
      stop.focus();
      stop.click();
    }).observe(output, { childList: true });
  });
  await page.getByRole("button", { name: "Write" }).click();
  await expect(output(page)).toHaveAttribute("data-state", "stopped");
  expect(STORY.startsWith((await output(page).textContent()) ?? "")).toBe(true);
  await expect(output(page)).not.toBeEmpty();
  await expect(page.getByRole("button", { name: "Write" })).toBeFocused();
  await page.getByText("Sampling").click();
  await page.getByLabel("Most tokens").fill("200");
  await page.getByRole("button", { name: "Write" }).click();
  await writesTheStory(page);
});

test("a file from the disk, picked or dropped, works and is not stored", async ({ page, server }) => {
  await page.goto(`${server.origin}/demo/index.html?temperature=0&max=200`);
  await page.getByRole("radio", { name: "File" }).check();
  await page
    .locator("#file")
    .setInputFiles({ name: "mine.gguf", mimeType: "application/octet-stream", buffer: Buffer.from(STORIES) });
  await expect(page.locator("#drop-text")).toHaveText("mine.gguf");
  await page.getByRole("button", { name: "Load", exact: true }).click();
  await page.getByRole("button", { name: "Write" }).click();
  await writesTheStory(page);

  await page.reload();
  await page.evaluate(async (url) => {
    const bytes = await (await fetch(url)).arrayBuffer();
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], "dropped.gguf"));
    for (const type of ["dragover", "drop"]) {
      document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
    }
  }, MODEL);
  await page.getByRole("button", { name: "Write" }).click();
  await writesTheStory(page);
  await page.getByText("Stored in this browser").click();
  await expect(page.getByText("Nothing yet.")).toBeVisible();
});

test("a model from an address is stored, listed, loaded from the list and deleted", async ({
  page,
  server,
}) => {
  const url = server.put("/m/mine.gguf", { bytes: STORIES });
  await page.goto(`${server.origin}/demo/index.html?${GREEDY}&model=${encodeURIComponent(url)}`);
  await writesTheStory(page);
  await page.getByText("Stored in this browser").click();
  await expect(page.locator("#stored-list li")).toHaveCount(1);
  server.forget();
  await page.getByRole("button", { name: "Load mine.gguf" }).click();
  await expect(output(page)).toHaveAttribute("data-state", "ready");
  expect(server.requests("/m/mine.gguf")).toEqual([]);
  await page.getByRole("button", { name: /^Delete mine.gguf/ }).click();
  await expect(page.locator("#stored-list li")).toHaveCount(0);
});

test("what goes wrong is said in the page", async ({ page, server }) => {
  await page.goto(`${server.origin}/demo/index.html?auto=1&model=/m/none.gguf`);
  await expect(output(page)).toHaveAttribute("data-state", "error");
  await expect(page.getByRole("alert")).toContainText("There is no file at");
  await expect(page.getByRole("button", { name: "Load", exact: true })).toBeVisible();
});

test("without WebGPU a sentence says so, and the processor can be chosen", async ({ page, server }) => {
  await page.addInitScript(() => {
    Object.defineProperty(Navigator.prototype, "gpu", { value: undefined });
  });
  await page.goto(`${server.origin}/demo/index.html?temperature=0&max=200&device=webgpu`);
  await expect(page.locator("#no-webgpu")).toContainText("This browser has no WebGPU.");
  await page.getByRole("button", { name: "Use the processor" }).click();
  await page.getByRole("button", { name: "Load", exact: true }).click();
  await page.getByRole("button", { name: "Write" }).click();
  await writesTheStory(page);
  await expect(page.locator("#device-name")).toHaveText(/^CPU, /);
});

test("what is faster is chosen, and the page says why", async ({ page, server }) => {
  await page.goto(`${server.origin}/demo/index.html?${GREEDY.replace("webgpu", "auto")}`);
  await writesTheStory(page);
  await expect(page.locator("#device-name")).toHaveText(/^CPU, .*SIMD/);
  await expect(page.locator("#facts")).toContainText("the only WebGPU adapter computes on the processor");
  await expect(page.locator("#no-webgpu")).toBeHidden();
});

for (const [name, width, height] of [
  ["phone", 390, 844],
  ["desk", 1440, 900],
] as const) {
  test(`fits a ${name}: nothing runs off the side, every control can be reached by keyboard`, async ({
    page,
    server,
  }) => {
    await page.setViewportSize({ width, height });
    await page.goto(`${server.origin}/demo/index.html?${GREEDY}`);
    await writesTheStory(page);
    for (const fold of await page.locator("summary").all()) await fold.click();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    const reached = new Set<string>();
    await page.evaluate(() => {
      (document.activeElement as HTMLElement | null)?.blur();
    });
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press("Tab");
      reached.add(await page.evaluate(() => document.activeElement?.id ?? ""));
    }
    for (const id of ["device", "load", "prompt", "write", "temperature", "seed"])
      expect(reached).toContain(id);
    const unnamed = await page.evaluate(() =>
      Array.from(document.querySelectorAll<HTMLInputElement>("input, select, textarea"))
        .filter((control) => control.labels?.length === 0)
        .map((control) => control.id),
    );
    expect(unnamed).toEqual([]);
  });
}
