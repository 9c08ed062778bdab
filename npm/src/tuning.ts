/**
 * Which variants of its kernels the engine takes on this GPU: measured at the first load, in a fraction of a second, and
 * remembered by the adapter. Where nothing can be remembered, as in Node, the engine's table decides.
 */
import { adapterName } from "./device.js";
import type { DeviceInfo } from "./wasm-api.js";

const STORAGE_KEY = "sotto-tuning";
/** Counts up when the kernels change so that older measurements say nothing. */
const KERNELS = 2;

/** What to ask the engine for, and where its answer goes. */
export interface Tuning {
  /** `"measure"`, or what was measured before. */
  wanted: string;
  /** Remembers what the engine measured. */
  keep: (device: DeviceInfo) => void;
}

/** What is known of the GPU that the engine will get; `undefined` where there is none, or no place to remember it. */
export async function recallTuning(): Promise<Tuning | undefined> {
  const known = read();
  if (known === undefined) return undefined;
  const adapter = await adapterName();
  if (adapter === undefined) return undefined;
  const key = `${adapter} ${KERNELS}`;
  const wanted = known[key] ?? "measure";
  const keep = ({ tuning, software }: DeviceInfo) => {
    if (tuning === undefined || software || tuning === known[key]) return;
    try {
      localStorage.setItem(STORAGE_KEY, JSON.stringify({ ...known, [key]: tuning }));
    } catch {
      // Full or forbidden: the next load measures again.
    }
  };
  return { wanted, keep };
}

/** What was remembered, by adapter; `undefined` without a storage that may be used. */
function read(): Record<string, string> | undefined {
  try {
    const known: unknown = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "{}");
    if (typeof known !== "object" || known === null) return {};
    return Object.fromEntries(Object.entries(known).filter(([, name]) => typeof name === "string"));
  } catch (error) {
    return error instanceof SyntaxError ? {} : undefined;
  }
}
