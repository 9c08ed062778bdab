/** Stands in for the built module where `npm/wasm/` has not been built yet, so that types still check. */
declare module "*/sotto_web.js" {
  const init: (input?: { module_or_path: URL | RequestInfo | WebAssembly.Module }) => Promise<unknown>;
  export default init;
  export const parseHeader: import("./wasm-api.js").WasmModule["parseHeader"];
  export const parseManifest: import("./wasm-api.js").WasmModule["parseManifest"];
  export const splitPartNames: import("./wasm-api.js").WasmModule["splitPartNames"];
  export const Loader: import("./wasm-api.js").WasmModule["Loader"];
  export const shareMemory: () => WebAssembly.Memory;
  export const newHelperStack: import("./wasm-api.js").SharedEngine["newStack"];
}

declare module "*/sotto_web_pii.js" {
  type Module = import("./pii/wasm-api.js").PiiModule;
  const init: (input?: { module_or_path: WebAssembly.Module | BufferSource }) => Promise<unknown>;
  export default init;
  export const checkConfig: Module["checkConfig"];
}
