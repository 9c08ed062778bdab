/**
 * Sotto beside wllama and Transformers.js, in one run of one Chromium, on one thread, with the same weights:
 *
 *     cargo xtask build
 *     cargo run --release --bin sotto -- convert random:mini /tmp/mini.gguf --quantize Q4_0
 *     python tests/peers/onnx_model.py /tmp/mini.gguf /tmp/mini-onnx
 *     npm install --prefix tests/peers && node tests/peers/browser.mjs /tmp/mini.gguf /tmp/mini-onnx
 *
 * Prints one line of JSON a peer and turn, then what each reached at its best and the ratios. Peers take turns, so that a
 * busy machine slows all. `CHROME_PATH` names the browser; names after the models pick peers.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const [modelPath, onnxFolder, ...names] = process.argv.slice(2);
if (!onnxFolder) {
  console.error("usage: node browser.mjs MODEL.gguf ONNX_FOLDER [PEER...]");
  process.exit(1);
}
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const FOLDERS = {
  "/sotto/": here("../../npm/dist"),
  "/wllama/": here("node_modules/@wllama/wllama"),
  "/transformers/": here("node_modules/@huggingface/transformers/dist"),
  "/onnxruntime-web/": here("node_modules/onnxruntime-web/dist"),
  "/onnxruntime-common/": here("node_modules/onnxruntime-common/dist/esm"),
  "/models/onnx/": onnxFolder,
  "/": here("."),
};
const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** On the processor, and on WebGPU in software, where a token takes others a second. */
const CPU = { prompt: 128, count: 32, runs: 3, turns: 3 };
const WEBGPU = { prompt: 128, count: 8, runs: 1, turns: 2 };
const PEERS = {
  sotto: CPU,
  wllama: CPU,
  transformers: CPU,
  "sotto-webgpu": WEBGPU,
  "transformers-webgpu": WEBGPU,
};
const RATIOS = [
  ["sotto", "wllama", "decode"],
  ["sotto", "wllama", "prefill"],
  ["sotto", "transformers", "decode"],
  ["sotto", "transformers", "prefill"],
  ["sotto-webgpu", "transformers-webgpu", "decode"],
  ["sotto-webgpu", "transformers-webgpu", "prefill"],
];

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
  args: [
    "--no-sandbox",
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
  ],
});

async function turn(name, { prompt, count, runs }) {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(`${name}: ${error.message}`));
  await page.goto(`${origin}/browser.html`);
  await page.waitForFunction(() => "peers" in globalThis);
  const work = { prompt, count, runs };
  const result = await page.evaluate(([name, work]) => globalThis.peers[name](work), [name, work]);
  await page.close();
  console.log(JSON.stringify({ peer: name, ...work, ...result }));
  return result;
}

const best = {};
try {
  const wanted = Object.entries(PEERS).filter(([name]) => names.length === 0 || names.includes(name));
  const turns = Math.max(...wanted.map(([, work]) => work.turns));
  for (let index = 0; index < turns; index++) {
    for (const [name, work] of wanted) {
      if (index >= work.turns) continue;
      const { prefill, decode } = await turn(name, work);
      const before = best[name] ?? { prefill: 0, decode: 0 };
      best[name] = {
        prefill: Math.max(prefill, before.prefill),
        decode: Math.max(decode, before.decode),
      };
    }
  }
} finally {
  await browser.close();
  server.close();
}
const number = (value) => value.toFixed(value < 10 ? 2 : 0);
for (const [name, { prefill, decode }] of Object.entries(best)) {
  console.log(
    `${name.padEnd(20)} prefill ${number(prefill).padStart(5)}  decode ${number(decode).padStart(5)}  tokens/s`,
  );
}
for (const [ours, theirs, what] of RATIOS) {
  if (!best[ours] || !best[theirs]) continue;
  console.log(`${what} of ${ours}: ${number(best[ours][what] / best[theirs][what])}x ${theirs}`);
}
