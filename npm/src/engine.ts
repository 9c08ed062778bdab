/** The one file that touches the WebAssembly module: starts it once and hands out its exports. */
import init, {
  Folder,
  inspect,
  Loader,
  newHelperStack,
  parseHeader,
  parseManifest,
  parseShard,
  shareMemory,
  splitPartNames,
} from "../wasm/sotto_web.js";
import { InternalError } from "./errors.js";
import { hasRelaxedSimd } from "./simd.js";
import { requestSubgroups } from "./subgroups.js";
import type { SharedEngine, WasmModule } from "./wasm-api.js";

let started: Promise<WasmModule> | undefined;

/**
 * The module, fetched and compiled on the first call; with `share` on memory that helpers can be given, if it can be had.
 * A failed start is tried again by the next call.
 */
export function startEngine(share: boolean): Promise<WasmModule> {
  started ??= start(share).catch((error: unknown) => {
    started = undefined;
    throw error;
  });
  return started;
}

async function start(share: boolean): Promise<WasmModule> {
  requestSubgroups();
  let shared: SharedEngine | undefined;
  try {
    // Where 4 GiB of addresses cannot be reserved, or a site does not serve the module, there is still the other one.
    if (share) shared = await startShared().catch(() => undefined);
    if (!shared) {
      await init(
        hasRelaxedSimd()
          ? { module_or_path: new URL("sotto_web_relaxed_bg.wasm", import.meta.url) }
          : undefined,
      );
    }
  } catch (cause) {
    throw new InternalError(
      "The WebAssembly part of Sotto could not start. Serve Sotto's .wasm files beside its JavaScript, and if the " +
        "page has a Content-Security-Policy, allow 'wasm-unsafe-eval' in script-src and their address in connect-src.",
      { cause },
    );
  }
  return { Folder, inspect, Loader, parseHeader, parseManifest, parseShard, splitPartNames, shared };
}

async function startShared(): Promise<SharedEngine> {
  const memory = shareMemory();
  const response = await fetch(new URL("sotto_web_threads_bg.wasm", import.meta.url));
  const module = await (response.headers.get("Content-Type") === "application/wasm"
    ? WebAssembly.compileStreaming(response)
    : response.arrayBuffer().then(WebAssembly.compile));
  await init({ module_or_path: module });
  return { module, memory, newStack: newHelperStack };
}
