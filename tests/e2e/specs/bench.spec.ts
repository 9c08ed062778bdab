/** The demo's page that measures the browser: what it shows, and what its button copies. */
import { expect, test } from "../harness/test.ts";

const QUICK = "auto=1&shape=mini&type=Q4_0&device=cpu&prompt=16&depth=0,32&gen=4&runs=1";

test("measures on the processor, and copies what it measured", async ({ page, server, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: server.origin });
  await page.goto(`${server.origin}/demo/bench.html?${QUICK}`);
  await expect(page.locator("#state")).toHaveAttribute("data-state", "done", { timeout: 90_000 });
  await expect(page.locator("#rows tr")).toHaveCount(2);
  const lines = ((await page.locator("#lines").textContent()) ?? "").trim().split("\n");
  const results = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(results.map(({ prompt, depth }) => [prompt, depth])).toEqual([
    [16, 0],
    [16, 32],
  ]);
  for (const result of results) {
    expect(result.device).toMatchObject({ backend: "cpu" });
    expect(result.prefill_tokens_per_second).toBeGreaterThan(0);
    expect(result.decode_tokens_per_second).toBeGreaterThan(0);
  }
  const button = page.locator("#copy");
  await button.click();
  await expect(button).toHaveText("Copied");
  expect((await page.evaluate(() => navigator.clipboard.readText())).trim()).toBe(lines.join("\n"));
  await expect(button).toHaveText("Copy the results");
});

test("where the clipboard is closed to the page, the results are selected to be copied by hand", async ({
  page,
  server,
}) => {
  await page.addInitScript(() => {
    Object.defineProperty(Navigator.prototype, "clipboard", { value: undefined });
  });
  await page.goto(`${server.origin}/demo/bench.html?${QUICK}`);
  await expect(page.locator("#state")).toHaveAttribute("data-state", "done", { timeout: 90_000 });
  await page.locator("#copy").click();
  await expect(page.locator("#raw")).toHaveAttribute("open");
  const selected = await page.evaluate(() => getSelection()?.toString().trim());
  expect(selected).toBe((await page.locator("#lines").textContent())?.trim());
});
