/** A worker that helps the one with the engine: an instance of its module on its memory, which runs tasks and nothing else. */

/** What a helper is sent to begin with. */
export interface Help {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  /** Its number, from 1 on. */
  thread: number;
  /** The address of the top of its stack. */
  stack: number;
}

/** What the module exports for helpers (`crates/cpu/src/pool/web.rs`). */
interface Exports {
  __stack_pointer: WebAssembly.Global;
  sotto_help(thread: number): void;
  sotto_help_failed(): void;
}

self.addEventListener("message", ({ data }: MessageEvent<Help>) => {
  const { module, memory, thread, stack } = data;
  const imports: WebAssembly.Imports = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    // Tasks call nothing of JavaScript's. What does is a panic, which this ends.
    const missing = () => {
      throw new Error(`a helper called ${name}`);
    };
    (imports[from] ??= {})[name] = kind === "memory" ? memory : missing;
  }
  const exports = new WebAssembly.Instance(module, imports).exports as unknown as Exports;
  exports.__stack_pointer.value = stack;
  postMessage("begun");
  try {
    // Does not return: it sleeps until there is work.
    exports.sotto_help(thread);
  } catch (error) {
    exports.__stack_pointer.value = stack;
    exports.sotto_help_failed();
    throw error;
  }
});
