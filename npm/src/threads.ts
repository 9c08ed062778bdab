/**
 * Threads on the processor: workers that help the one with the engine, on the same memory. Browsers share memory only in
 * pages that are cross-origin isolated; everywhere else the engine runs on one thread, and so it does in the page itself,
 * which must not wait for others.
 */
import { hasGpu } from "./device.js";
import { hasRelaxedSimd } from "./simd.js";
import type { Help } from "./helper.js";
import type { EngineOptions, SharedEngine } from "./wasm-api.js";

/** How many threads the engine is to have, its own among them, and why not more. */
export interface Threads {
  count: number;
  reason: string;
}

/** The most that are taken unasked: what small models gain from more is little. */
const USUAL_MOST = 8;
/** A worker that has not begun by then is done without. */
const START_MS = 5000;

/** The threads that a model can have here. */
export async function threadsFor(
  asked: number | undefined,
  device: EngineOptions["device"],
): Promise<Threads> {
  const one = (reason: string) => ({ count: 1, reason });
  const { hardwareConcurrency: cores = 1 } = globalThis.navigator as Partial<Navigator>;
  if (asked === 1) return one("asked for");
  // Absent in Node.
  if ((globalThis as Partial<typeof globalThis>).crossOriginIsolated !== true) {
    return one("the page is not cross-origin isolated, and only such pages may share memory between threads");
  }
  if ("document" in globalThis)
    return one("the engine runs in the page, which must not wait for other threads");
  if (!hasRelaxedSimd())
    return one("this browser's WebAssembly has no relaxed SIMD, which the module for threads needs");
  if (device === "webgpu" || (device !== "cpu" && (await hasGpu())))
    return one("the engine was started for a GPU");
  if (asked !== undefined) return { count: asked, reason: "asked for" };
  if (cores <= USUAL_MOST) return { count: cores, reason: "the processor runs no more at once" };
  return { count: USUAL_MOST, reason: "more are taken only where they are asked for" };
}

/** Those that help this worker's engine; there is one engine a worker. */
let started: Promise<number> | undefined;

/** Starts workers on the engine's memory, once. Resolves to how many there are. */
export function startHelpers(engine: SharedEngine, count: number): Promise<number> {
  started ??= Promise.all(Array.from({ length: count }, (_, index) => start(engine, index + 1))).then(
    (all) => all.filter(Boolean).length,
  );
  return started;
}

/** Whether helper number `thread` has begun. It ends with the worker that started it. */
function start({ module, memory, newStack }: SharedEngine, thread: number): Promise<boolean> {
  return new Promise((resolve) => {
    let worker: Worker;
    const without = () => {
      worker.terminate();
      resolve(false);
    };
    try {
      // Bundlers recognise exactly this expression.
      worker = new Worker(new URL("./helper.js", import.meta.url), { type: "module", name: "sotto-helper" });
      const timer = setTimeout(without, START_MS);
      worker.addEventListener("message", () => {
        clearTimeout(timer);
        resolve(true);
      });
      worker.addEventListener("error", (event) => {
        // Whoever waits for a helper that broke down is told by the engine.
        event.preventDefault();
        clearTimeout(timer);
        resolve(false);
      });
      worker.postMessage({ module, memory, thread, stack: newStack() } satisfies Help);
    } catch {
      // No workers in workers here, or a policy that forbids them.
      resolve(false);
    }
  });
}
