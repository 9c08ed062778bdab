/** The one file that touches the WebAssembly module: starts it once and hands out its exports. */
import init, {
  Folder,
  inspect,
  Loader,
  parseHeader,
  parseManifest,
  parseShard,
  splitPartNames,
} from "../wasm/sotto_web.js";
import { InternalError } from "./errors.js";
import { hasRelaxedSimd } from "./simd.js";
import { requestSubgroups } from "./subgroups.js";
import type { WasmModule } from "./wasm-api.js";

let started: Promise<WasmModule> | undefined;

/** The module, fetched and compiled on the first call. A failed start is tried again by the next call. */
export function startEngine(): Promise<WasmModule> {
  started ??= start().catch((error: unknown) => {
    started = undefined;
    throw error;
  });
  return started;
}

async function start(): Promise<WasmModule> {
  requestSubgroups();
  try {
    await init(
      hasRelaxedSimd()
        ? { module_or_path: new URL("sotto_web_relaxed_bg.wasm", import.meta.url) }
        : undefined,
    );
  } catch (cause) {
    throw new InternalError(
      "The WebAssembly part of Sotto could not start. Serve Sotto's .wasm files beside its JavaScript, and if the " +
        "page has a Content-Security-Policy, allow 'wasm-unsafe-eval' in script-src and their address in connect-src.",
      { cause },
    );
  }
  return { Folder, inspect, Loader, parseHeader, parseManifest, parseShard, splitPartNames };
}
