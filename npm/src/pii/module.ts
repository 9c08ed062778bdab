/** The one file that touches the small WebAssembly module: starts it once and hands out its exports. */
import init, * as exports from "../../wasm/sotto_web_pii.js";
import { InternalError } from "../errors.js";
import type { PiiModule } from "./wasm-api.js";

/** What the module can be started from: where it is, or what it is. */
export type ModuleSource = WebAssembly.Module | BufferSource;

let started: Promise<PiiModule> | undefined;
let compiled: WebAssembly.Module | undefined;

/** The module, fetched and compiled on the first call unless given. A failed start is tried again by the next call. */
export function startPii(source?: ModuleSource): Promise<PiiModule> {
  started ??= start(source).catch((error: unknown) => {
    started = undefined;
    throw error;
  });
  return started;
}

/** The compiled module, which a worker can start from without fetching and compiling it again. */
export function compiledPii(): WebAssembly.Module | undefined {
  return compiled;
}

async function start(source: ModuleSource | undefined): Promise<PiiModule> {
  try {
    // Bundlers recognise exactly this expression.
    source ??= await compile(new URL("./sotto_web_pii_bg.wasm", import.meta.url));
    if (source instanceof WebAssembly.Module) compiled = source;
    await init({ module_or_path: source });
  } catch (cause) {
    throw new InternalError(
      "The WebAssembly part of sotto/pii could not start. Serve sotto_web_pii_bg.wasm beside Sotto's JavaScript, and if the " +
        "page has a Content-Security-Policy, allow 'wasm-unsafe-eval' in script-src and that address in connect-src.",
      { cause },
    );
  }
  return exports as unknown as PiiModule;
}

async function compile(url: URL): Promise<WebAssembly.Module> {
  const response = await fetch(url);
  if (!response.ok) throw new InternalError(`The server answered ${response.status}.`);
  const type = response.headers.get("content-type") ?? "";
  // Some servers do not know the type, without which it cannot be compiled as it comes.
  if (!type.startsWith("application/wasm")) return WebAssembly.compile(await response.arrayBuffer());
  return WebAssembly.compileStreaming(response);
}
