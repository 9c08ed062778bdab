/**
 * Sotto's cpu path beside wllama, in one run of one Chromium, on one thread:
 *
 *     cargo xtask build
 *     cargo run --release --bin sotto -- convert random:mini /tmp/mini.gguf --quantize Q4_0
 *     npm install --prefix tests/peers && node tests/peers/browser.mjs /tmp/mini.gguf
 *
 * Prints one line of JSON a peer. `CHROME_PATH` names the browser.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const [modelPath, ...names] = process.argv.slice(2);
if (!modelPath) {
  console.error("usage: node browser.mjs MODEL.gguf [sotto] [wllama]");
  process.exit(1);
}
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const FOLDERS = {
  "/sotto/": here("../../npm/dist"),
  "/wllama/": here("node_modules/@wllama/wllama"),
  "/": here("."),
};
const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};
const WORK = { prompt: 128, count: 32, runs: 5 };

const server = createServer(async (request, response) => {
  const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
  const prefix = Object.keys(FOLDERS).find((prefix) => path.startsWith(prefix));
  const file =
    path === "/model.gguf" ? modelPath : join(FOLDERS[prefix], normalize(path.slice(prefix.length)));
  const body = await readFile(file).catch(() => undefined);
  if (!body) return response.writeHead(404).end();
  response.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream" }).end(body);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = `http://localhost:${server.address().port}`;

const browser = await chromium.launch({
  executablePath: process.env.CHROME_PATH ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"],
});
try {
  for (const name of names.length > 0 ? names : ["sotto", "wllama"]) {
    const page = await browser.newPage();
    page.on("pageerror", (error) => console.error(`${name}: ${error.message}`));
    await page.goto(`${origin}/browser.html`);
    await page.waitForFunction(() => "peers" in globalThis);
    const result = await page.evaluate(
      ([name, work]) => globalThis.peers[name]("/model.gguf", work),
      [name, WORK],
    );
    console.log(JSON.stringify({ peer: name, ...WORK, ...result }));
    await page.close();
  }
} finally {
  await browser.close();
  server.close();
}
