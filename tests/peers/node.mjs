/**
 * What the bench page measures, in Node: WebGPU by Dawn (npm `webgpu`), or the processor.
 *
 *     cargo xtask build && npm install --prefix tests/peers
 *     node tests/peers/node.mjs "shape=mini&type=Q4_0&device=webgpu&prompt=128&depth=0" [--json]
 *
 * Dawn looks for a Vulkan driver; `VK_ICD_FILENAMES` names one, such as Chromium's SwiftShader.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { create, globals } from "webgpu";
import { printTable } from "../../demo/table.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const [address = "", form] = process.argv.slice(2);
const query = new URLSearchParams(address);
const list = (name, usual) => (query.get(name) ?? usual).split(",");
const work = {
  device: query.get("device") ?? "webgpu",
  threads: [],
  prompts: list("prompt", "128").map(Number),
  depths: list("depth", "0").map(Number),
  generate: Number(query.get("gen") ?? 32),
  runs: Number(query.get("runs") ?? 3),
};

// What the package expects of a page: WebGPU, a window, a secure context, and files by their address.
Object.assign(globalThis, globals, { isSecureContext: true, location: new URL(import.meta.url) });
Object.defineProperty(globalThis, "navigator", {
  value: { gpu: create([]), userAgent: `Node.js ${process.version}` },
});
const events = new EventTarget();
for (const name of ["addEventListener", "removeEventListener", "dispatchEvent"]) {
  globalThis[name] = events[name].bind(events);
}
globalThis.Window = class {
  static [Symbol.hasInstance]() {
    return true;
  }
};
const fetchRemote = globalThis.fetch;
globalThis.fetch = async (source, options) => {
  const url = new URL(source.url ?? source);
  if (url.protocol !== "file:") return fetchRemote(source, options);
  return new Response(await readFile(url), { headers: { "Content-Type": "application/wasm" } });
};

/** A module of the bench page, which is TypeScript. */
async function fromPage(name) {
  const entry = here(`../../demo/src/bench/${name}.ts`);
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, format: "esm", write: false });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
}

const { measure } = await fromPage("measure");
const { randomModel } = await fromPage("random-model");
const { loadModel } = await import("../../npm/dist/index.js");
const load = (source, options) => loadModel(source, { ...options, worker: false });
const lines = [];
for (const shape of list("shape", "mini")) {
  for (const type of list("type", "Q4_0")) {
    const model = randomModel(shape, type);
    for await (const line of measure(load, model, work, new AbortController().signal)) {
      lines.push(line);
      if (form === "--json") console.log(JSON.stringify(line));
    }
  }
}
if (form !== "--json") printTable(lines);
// Dawn keeps the process awake.
process.exit();
