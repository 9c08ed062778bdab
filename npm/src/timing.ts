/** How long a reply took, and what it was made of. */
import type { EngineCounters, WasmGeneration } from "./wasm-api.js";

/** The last reply in numbers, with the engine's counters and memory. Times in milliseconds, sizes in bytes. */
export interface Stats extends EngineCounters {
  promptTokens: number;
  /** Prompt tokens whose keys and values were still there from the reply before. */
  reusedTokens: number;
  generatedTokens: number;
  /** From the request until the prompt was read; on a GPU until that was asked of it, which is sooner. */
  prefillMs: number;
  /** From the request to the first token. */
  firstTokenMs: number;
  /** From the first token to the last: `generatedTokens - 1` steps. */
  decodeMs: number;
}

/** Measures one reply. */
export class Timing {
  promptTokens = 0;
  generatedTokens = 0;
  readonly #start = performance.now();
  #reusedTokens = 0;
  #read = this.#start;
  #first = this.#start;
  #last = this.#start;

  /** The prompt was read. */
  prompt({ promptTokens, reusedTokens }: WasmGeneration): void {
    this.promptTokens = promptTokens;
    this.#reusedTokens = reusedTokens;
    this.#read = this.#first = this.#last = performance.now();
  }

  tokens(count: number): void {
    if (count === 0) return;
    this.#last = performance.now();
    if (this.generatedTokens === 0) this.#first = this.#last;
    this.generatedTokens += count;
  }

  numbers(): Omit<Stats, keyof EngineCounters> {
    return {
      promptTokens: this.promptTokens,
      reusedTokens: this.#reusedTokens,
      generatedTokens: this.generatedTokens,
      prefillMs: this.#read - this.#start,
      firstTokenMs: this.#first - this.#start,
      decodeMs: this.#last - this.#first,
    };
  }
}
