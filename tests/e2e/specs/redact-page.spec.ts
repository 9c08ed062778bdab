/** The redaction page as it is built and served. */
import type { Page } from "@playwright/test";
import { expect, test } from "../harness/test.ts";

const TEXT = "I am ana@example.com, my card is 4111 1111 1111 1111.";

async function open(page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}/demo/redact.html`);
  await expect(page.locator("html")).toHaveAttribute("data-ready", "true", { timeout: 90_000 });
}

const out = (page: Page) => page.locator("#out");

test("entities are marked as you type, kept and hidden with a press, copied and restored, with no request", async ({
  page,
  server,
  context,
}) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const problems: string[] = [];
  const hosts = new Set<string>();
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("request", (request) => hosts.add(new URL(request.url()).host));
  await open(page, server.origin);
  server.forget();

  await page.getByRole("textbox", { name: "Your text" }).pressSequentially(TEXT);
  await expect(out(page)).toHaveText("I am [EMAIL_1], my card is [CREDIT_CARD_1].");
  await expect(page.locator("#marks mark")).toHaveText(["ana@example.com", "4111 1111 1111 1111"]);
  expect(await page.locator("#marks").textContent()).toBe(`${TEXT}\n`);
  await expect(page.locator("#count")).toHaveText("2 hidden, 0 kept");

  await out(page).getByRole("button", { name: "[EMAIL_1]" }).click();
  await expect(out(page)).toHaveText("I am ana@example.com, my card is [CREDIT_CARD_1].");
  await expect(page.locator("#count")).toHaveText("1 hidden, 1 kept");
  await out(page).getByRole("button", { name: "ana@example.com" }).click();
  await page.getByRole("button", { name: "credit card 1" }).click();
  await expect(out(page)).toHaveText("I am [EMAIL_1], my card is 4111 1111 1111 1111.");

  await page.getByRole("button", { name: "Copy" }).click();
  await expect(page.getByRole("button", { name: "Copied" })).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(
    "I am [EMAIL_1], my card is 4111 1111 1111 1111.",
  );
  await page.getByRole("textbox", { name: "Restore an answer" }).fill("Dear **[email 1]**,");
  await expect(page.locator("#restored")).toHaveText("Dear **ana@example.com**,");

  await page.getByRole("radio", { name: "PCI" }).check();
  await page.getByRole("button", { name: "credit card 1" }).click();
  await expect(out(page)).toHaveText("I am ana@example.com, my card is **** **** **** 1111.");

  await page.getByRole("textbox", { name: "Your text" }).fill("Ask the Blue Heron team.");
  await page.getByRole("textbox", { name: "Your text" }).evaluate((area: HTMLTextAreaElement) => {
    area.setSelectionRange(8, 18);
  });
  await page.getByRole("button", { name: "Hide selection" }).click();
  await expect(out(page)).toHaveText("Ask the [HIDDEN_1] team.");

  await expect(page.locator("#requests")).toHaveText("0");
  expect(server.seen).toEqual([]);
  expect(Array.from(hosts)).toEqual([new URL(server.origin).host]);
  expect(problems).toEqual([]);
});

test("works with the network off after the first visit, the model too", async ({ page, server, context }) => {
  await open(page, server.origin);
  await expect(page.locator("#offline")).toContainText("yes");
  await expect(page.locator("#model")).toContainText("pii-mini");
  server.forget();
  await context.setOffline(true);
  await open(page, server.origin);
  await expect(page.locator("#model")).toContainText("pii-mini", { timeout: 90_000 });
  await page
    .getByRole("textbox", { name: "Your text" })
    .fill(`Call Ana Ruiz on +34 600 123 456 or write to ana.ruiz@example.org. ${TEXT}`);
  await expect(out(page)).toContainText("[EMAIL_1]");
  await expect(out(page)).toContainText("[PERSON_1]");
  await page.goto(`${server.origin}/demo/index.html`);
  await expect(page.getByRole("link", { name: "Redact" })).toBeVisible();
  await page.getByRole("link", { name: "Redact" }).click();
  await expect(page.getByRole("textbox", { name: "Your text" })).toBeVisible();
  // The browser itself looks for a new service worker, whatever the page's network.
  expect(server.seen.filter(({ path }) => path !== "/demo/sw.js")).toEqual([]);
});

test("a request after loading would show", async ({ page, server }) => {
  await open(page, server.origin);
  await page.evaluate(() => fetch("./icon.svg?again"));
  await expect(page.locator("#requests")).not.toHaveText("0");
  await expect(page.locator("#request-list")).toContainText("icon.svg");
  // And to anybody else the page's policy forbids them.
  const elsewhere = await page.evaluate(() =>
    fetch("https://example.com/").then(
      () => "sent",
      () => "refused",
    ),
  );
  expect(elsewhere).toBe("refused");
});

test("a file, picked or dropped, is read", async ({ page, server }) => {
  await open(page, server.origin);
  await page
    .locator("#file")
    .setInputFiles({ name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("mail: ana@example.com") });
  await expect(out(page)).toHaveText("mail: [EMAIL_1]");
  await page.evaluate(() => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(["card 4111111111111111 ".repeat(20_000)], "b.txt"));
    for (const type of ["dragover", "drop"]) {
      document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
    }
  });
  await expect(out(page)).toContainText("card [CREDIT_CARD_1] card", { timeout: 60_000 });
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save" }).click();
  expect((await download).suggestedFilename()).toBe("redacted.txt");
});

for (const [name, width, height] of [
  ["phone", 390, 844],
  ["desk", 1280, 800],
] as const) {
  test(`fits a ${name}: nothing runs off the side, every control has a name and the keyboard`, async ({
    page,
    server,
  }) => {
    await page.setViewportSize({ width, height });
    await open(page, server.origin);
    await page.getByRole("button", { name: "Example" }).click();
    await expect(out(page)).toContainText("[EMAIL_1]");
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    const area = await page.locator("#text").evaluate((e) => e.clientWidth);
    expect(await page.locator("#marks").evaluate((e) => e.clientWidth)).toBe(area);
    const unnamed = await page.evaluate(() =>
      Array.from(document.querySelectorAll<HTMLInputElement>("input, select, textarea"))
        .filter((control) => control.labels?.length === 0)
        .map((control) => control.id),
    );
    expect(unnamed).toEqual([]);
    await page.locator("body").click({ position: { x: 2, y: 2 } });
    const reached = new Set<string>();
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press("Tab");
      reached.add(await page.evaluate(() => document.activeElement?.id ?? ""));
    }
    for (const id of ["text", "point", "copy", "answer", "example"]) expect(reached).toContain(id);
  });
}
