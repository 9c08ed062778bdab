/** Drives the page that has the package's redaction. */
import type { Page } from "@playwright/test";
import type * as Pii from "sotto/pii";
import type { TestServer } from "../server/server.ts";

declare global {
  var pii: typeof Pii;
}

/** Opens the page. */
export async function openPii(page: Page, server: TestServer): Promise<void> {
  await page.goto(`${server.origin}/pages/pii.html`);
  await page.waitForFunction(() => "pii" in globalThis);
}
