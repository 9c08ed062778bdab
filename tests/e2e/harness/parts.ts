/** Drives the page that has the package's loader without its engine. */
import { createHash } from "node:crypto";
import type { Page } from "@playwright/test";
import type { Fetched, FetchOptions, Parts } from "../pages/parts.ts";
import type { TestServer } from "../server/server.ts";

declare const parts: Parts;

export const KIB = 1024;

/** Opens the page. */
export async function openParts(page: Page, server: TestServer): Promise<void> {
  await page.goto(`${server.origin}/pages/parts.html`);
  await page.waitForFunction(() => "parts" in globalThis);
}

/** Reads a model through store and network, as loading does. Chunks of 64 KiB unless told otherwise. */
export function read(page: Page, url: string, options: FetchOptions = {}): Promise<Fetched> {
  return page.evaluate(([url, options]) => parts.read(url, options), [
    url,
    { chunkBytes: 64 * KIB, ...options },
  ] as const);
}

export function contents(page: Page): ReturnType<Parts["contents"]> {
  return page.evaluate(() => parts.contents());
}

/** Damages the stored chunk at this position, or all. */
export function damage(page: Page, index?: number): Promise<number> {
  return page.evaluate((index) => parts.damage((i) => index === undefined || i === index), index);
}

export function remove(page: Page, url: string): Promise<boolean> {
  return page.evaluate((url) => parts.deleteModel(url), url);
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A manifest of one file, as `sotto convert` writes it. */
export function manifest(path: string, bytes: Uint8Array, version: string, chunkBytes = 64 * KIB): string {
  const chunks: string[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes)
    chunks.push(sha256(bytes.subarray(at, at + chunkBytes)));
  const files = [{ path, bytes: bytes.length, sha256: sha256(bytes), chunks }];
  return JSON.stringify({ name: "noise", version, license: "CC0-1.0", chunkBytes, files });
}
