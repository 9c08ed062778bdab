/** The dedicated worker: a model host that answers calls from the page. */
import type { LoadRequest, ProcessLogits } from "./host.js";
import { LocalHost } from "./local-host.js";
import { serve } from "./rpc.js";
import type { EngineGenerateOptions } from "./wasm-api.js";

const host = new LocalHost();

serve(self, {
  calls: {
    load: ([request]: [LoadRequest], { signal, emit }) => host.load(request, signal, emit),
    inspect: ([request]: [LoadRequest], { signal }) => host.inspect(request, signal),
    classify: ([text, operatingPoint]: [string, string | undefined], { signal }) =>
      host.classify(text, operatingPoint, signal),
    renderChat: ([messages]: [unknown[]]) => host.renderChat(messages),
    tokenize: ([text, addSpecial, parseSpecial]: [string, boolean, boolean]) =>
      host.tokenize(text, addSpecial, parseSpecial),
    detokenize: ([ids]: [Uint32Array]) => host.detokenize(ids),
    stats: () => host.stats(),
    close: () => host.close(),
  },
  streams: {
    generate: (
      [prompt, options, parseSpecial, asks]: [string | Uint32Array, EngineGenerateOptions, boolean, boolean],
      signal: AbortSignal,
      ask,
    ) => {
      const process: ProcessLogits = (...question) => ask(question) as Promise<Float32Array>;
      return host.generate(prompt, options, parseSpecial, signal, asks ? process : undefined);
    },
  },
});
