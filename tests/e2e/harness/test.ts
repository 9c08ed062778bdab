/** The `test` of all specs: a page of its own origin, on a server of its own. */
import { fileURLToPath } from "node:url";
import { test as base } from "@playwright/test";
import { TestServer } from "../server/server.ts";

const root = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

/** Where the server finds what is not put into it by a test. */
export const FOLDERS = {
  "/sotto/": root("npm/dist"),
  "/demo/": root("demo/dist"),
  "/parts/": root("tests/e2e/.build"),
  "/pages/": root("tests/e2e/pages"),
};

export const test = base.extend<{ server: TestServer }>({
  // Playwright reads the fixture's needs from a destructured first argument.
  // eslint-disable-next-line no-empty-pattern
  server: async ({}, use) => {
    const server = await TestServer.start(FOLDERS);
    await use(server);
    await server.stop();
  },
});

export { expect } from "@playwright/test";

/** Bytes that look random and are the same each time, from a seed. */
export function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    // xorshift32 (Marsaglia, "Xorshift RNGs", 2003)
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  return bytes;
}
