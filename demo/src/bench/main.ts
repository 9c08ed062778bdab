/**
 * The bench page: measures what the form says and shows it. Its address may say it too, so that `cargo xtask bench --browser`
 * can:
 *
 *     ?auto=1                        measure without a click
 *     &shape=NAME[,NAME]  &type=Q4_0[,Q4_K]  &device=auto|webgpu|cpu
 *     &prompt=128,512  &depth=0,1024  &gen=N  &runs=N  &threads=1,2
 *
 * Each measurement is then a line of JSON in `#lines`. `#state` has a `data-state` that goes from `loading` to `measuring` and
 * `done`, or to `error`, with the reason in `#error`.
 */
import { loadModel, SottoError } from "sotto";
import { element, make } from "../elements.js";
import { bytes, parameters } from "../words.js";
import { BLOCK_TYPES } from "./blocks.js";
import { type Line, measure, type Work } from "./measure.js";
import { randomModel } from "./random-model.js";
import { SHAPES, tensors } from "./shapes.js";

interface Request extends Work {
  shapes: string[];
  types: string[];
}

const GENERATE = 32;
const RUNS = 3;

const form = element("bench-form", HTMLFormElement);
const shape = element("shape", HTMLSelectElement);
const type = element("type", HTMLSelectElement);
const device = element("device", HTMLSelectElement);
const state = element("state", HTMLParagraphElement);
const lines = element("lines", HTMLPreElement);
let running: AbortController | undefined;

shape.append(...Object.keys(SHAPES).map((name) => make("option", name)));
type.append(...Object.keys(BLOCK_TYPES).map((name) => make("option", name)));

form.addEventListener("change", showShape);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  void run({
    shapes: [shape.value],
    types: [type.value],
    device: chosenDevice(device.value),
    threads: [],
    prompts: ticked("prompts"),
    depths: ticked("depths"),
    generate: GENERATE,
    runs: RUNS,
  });
});
element("stop", HTMLButtonElement).addEventListener("click", () => running?.abort());
element("copy", HTMLButtonElement).addEventListener("click", () => void copy());
showShape();

const query = new URLSearchParams(location.search);
if (query.get("auto") === "1") await run(fromAddress(query));

function fromAddress(query: URLSearchParams): Request {
  const list = (name: string, usual: string) => (query.get(name) ?? usual).split(",").filter(Boolean);
  const numbers = (name: string, usual: string) => list(name, usual).map(Number).filter(Number.isInteger);
  return {
    shapes: list("shape", "mini"),
    types: list("type", "Q4_0"),
    device: chosenDevice(query.get("device")),
    threads: numbers("threads", ""),
    prompts: numbers("prompt", "128"),
    depths: numbers("depth", "0"),
    generate: Number(query.get("gen") ?? GENERATE),
    runs: Number(query.get("runs") ?? RUNS),
  };
}

function chosenDevice(name: string | null): Work["device"] {
  return name === "webgpu" || name === "cpu" ? name : "auto";
}

function ticked(id: string): number[] {
  const boxes = element(id, HTMLFieldSetElement).querySelectorAll<HTMLInputElement>("input:checked");
  const values = Array.from(boxes, (box) => Number(box.value));
  return values.length > 0 ? values : [128];
}

function showShape(): void {
  const chosen = SHAPES[shape.value];
  const block = BLOCK_TYPES[type.value];
  if (!chosen || !block) return;
  const weights = tensors(chosen).reduce((sum, [, dims]) => sum + dims[0] * (dims[1] ?? 1), 0);
  const size = bytes((weights / block.length) * block.bytes);
  element("shape-hint", HTMLParagraphElement).textContent =
    `${parameters(weights)} parameters, ${chosen.layers} layers, ${size} of memory`;
}

async function run({ shapes, types, ...work }: Request): Promise<void> {
  const abort = new AbortController();
  running = abort;
  show({ running: true });
  element("error", HTMLElement).hidden = true;
  element("runs", HTMLElement).textContent = String(work.runs);
  try {
    for (const name of shapes) {
      for (const ty of types) {
        tell("loading", `Making ${name} in ${ty}, and loading it`);
        await painted();
        for await (const line of measure(loadModel, randomModel(name, ty), work, abort.signal, (what) => {
          tell("measuring", `Measuring ${name}: ${what}`);
        })) {
          add(name, line);
        }
      }
    }
    tell("done", "Done. Measure another, or copy the results.");
  } catch (error) {
    fail(error);
  } finally {
    running = undefined;
    show({ running: false });
  }
}

function fail(error: unknown): void {
  if (error instanceof SottoError && error.code === "E_ABORTED") {
    tell("idle", "Stopped.");
    return;
  }
  const known = error instanceof SottoError || error instanceof RangeError;
  const notice = element("error", HTMLElement);
  notice.textContent = known
    ? error.message
    : "Something in this page broke. Reload it, and please report it.";
  notice.hidden = false;
  tell("error", "Nothing was measured.");
  if (!known) throw error;
}

function add(name: string, line: Line): void {
  lines.append(`${JSON.stringify(line)}\n`);
  const rate = (value: number) => (value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en"));
  const [prefill, decode] = [rate(line.prefill_tokens_per_second), rate(line.decode_tokens_per_second)];
  const row = make("tr", "");
  const head = make("th", `${name}, ${line.quantization}`);
  head.scope = "row";
  const numbers = [
    line.prompt,
    prefill,
    line.depth,
    decode,
    line.gigabytes_per_second.toPrecision(3),
    bytes(line.device.backend === "cpu" ? line.wasm_bytes : line.device_bytes),
  ];
  row.append(
    head,
    make("td", line.device.backend === "cpu" ? "Processor" : "GPU"),
    ...numbers.map((value) => make("td", String(value), "number")),
  );
  element("rows", HTMLTableSectionElement).append(row);
  element("prefill", HTMLElement).textContent = prefill;
  element("decode", HTMLElement).textContent = decode;
  element("device-name", HTMLElement).textContent = line.device.name;
  for (const id of ["table", "taking", "raw"]) element(id, HTMLElement).hidden = false;
}

async function copy(): Promise<void> {
  const button = element("copy", HTMLButtonElement);
  const text = lines.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // Where the clipboard is closed to the page, its text can still be selected and copied by hand.
    element("raw", HTMLDetailsElement).open = true;
    getSelection()?.selectAllChildren(lines);
    button.textContent = "Selected: copy it";
  }
  setTimeout(() => {
    button.textContent = "Copy the results";
  }, 2000);
}

function tell(name: "idle" | "loading" | "measuring" | "done" | "error", words: string): void {
  state.dataset.state = name;
  state.textContent = words;
}

function show({ running }: { running: boolean }): void {
  element("stop", HTMLButtonElement).hidden = !running;
  element("measure", HTMLButtonElement).disabled = running;
}

/** Resolves when the browser had a chance to show what changed: making weights keeps the page busy. */
function painted(): Promise<void> {
  return new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
  });
}
