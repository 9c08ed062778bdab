/** The desk: takes a prompt, streams the model's text onto the sheet, and measures it. */
import type { GenerateOptions, Model } from "sotto";
import { element } from "./elements.js";
import { bytes, milliseconds, perSecond } from "./words.js";

export type State = "idle" | "loading" | "ready" | "writing" | "done" | "stopped" | "error";

/** Between two looks at the memory in use, while writing. */
const MEMORY_INTERVAL_MS = 1000;

export class Writer {
  readonly #prompt = element("prompt", HTMLTextAreaElement);
  readonly #output = element("output", HTMLElement);
  readonly #write = element("write", HTMLButtonElement);
  readonly #stop = element("stop", HTMLButtonElement);
  #model: Model | undefined;
  #abort: AbortController | undefined;

  constructor(private readonly onError: (error: unknown) => void) {
    element("write-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.write();
    });
    this.#stop.addEventListener("click", () => this.#abort?.abort());
    this.#prompt.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      void this.write();
    });
  }

  /** The model that writes from now on; none while one is loading. */
  set model(model: Model | undefined) {
    this.#abort?.abort();
    this.#model = model;
    this.#write.disabled = model === undefined;
    element("chat-field", HTMLElement).hidden = model?.info.chatTemplate !== true;
    element("device-name", HTMLElement).textContent = model ? deviceName(model) : "–";
  }

  set state(state: State) {
    this.#output.dataset.state = state;
    const writing = state === "writing";
    this.#output.setAttribute("aria-busy", String(writing));
    const [shown, gone] = writing ? [this.#stop, this.#write] : [this.#write, this.#stop];
    // The keyboard stays where it was: one button takes the other's place.
    const focused = document.activeElement === gone;
    shown.hidden = false;
    gone.hidden = true;
    if (focused) shown.focus();
  }

  /** Writes on from the prompt until the model ends, the limit is reached or Stop is pressed. */
  async write(): Promise<void> {
    const model = this.#model;
    if (!model || this.#output.dataset.state === "writing") return;
    const abort = new AbortController();
    this.#abort = abort;
    const prompt = this.#prompt.value;
    const chat = model.info.chatTemplate && element("chat", HTMLInputElement).checked;
    this.#clear(chat ? "" : prompt);
    this.state = "writing";
    const meter = new Meter(model);
    try {
      for await (const { text, tokens } of stream(model, prompt, chat, abort.signal)) {
        this.#output.append(text);
        meter.add(tokens);
      }
      this.state = "done";
    } catch (error) {
      if (abort.signal.aborted) this.state = "stopped";
      else {
        this.state = "error";
        this.onError(error);
      }
    }
    await meter.end();
  }

  #clear(echo: string): void {
    element("sheet-empty", HTMLElement).hidden = true;
    element("error", HTMLElement).hidden = true;
    element("echo", HTMLElement).textContent = echo;
    this.#output.replaceChildren();
  }
}

function deviceName({ device }: Model): string {
  return device.software ? `${device.name} (software, slow)` : device.name;
}

/** The reply as text and the number of tokens each piece took. */
async function* stream(
  model: Model,
  prompt: string,
  chat: boolean,
  signal: AbortSignal,
): AsyncGenerator<{ text: string; tokens: number }> {
  const options = settings();
  if (!chat) {
    for await (const { text, ids } of model.generate(prompt, { ...options, signal }))
      yield { text, tokens: ids.length };
    return;
  }
  const chunks = await model.chat.completions.create(
    {
      messages: [{ role: "user", content: prompt }],
      stream: true,
      max_completion_tokens: options.maxTokens,
      temperature: options.temperature,
      top_k: options.topK,
      top_p: options.topP,
      min_p: options.minP,
      repetition_penalty: options.repetitionPenalty,
      seed: options.seed,
    },
    { signal },
  );
  for await (const { choices } of chunks) yield { text: choices[0]?.delta.content ?? "", tokens: 1 };
}

function settings(): GenerateOptions {
  const number = (id: string) => {
    const { value } = element(id, HTMLInputElement);
    return value.trim() === "" ? undefined : Number(value);
  };
  return {
    maxTokens: number("max"),
    temperature: number("temperature"),
    topK: number("top-k"),
    topP: number("top-p"),
    minP: number("min-p"),
    repetitionPenalty: number("repetition"),
    seed: number("seed"),
  };
}

/** Speed, time to the first token and memory, shown as they change. */
class Meter {
  readonly #start = performance.now();
  #first = 0;
  #tokens = 0;
  #looked = 0;

  constructor(private readonly model: Model) {}

  add(tokens: number): void {
    if (tokens === 0) return;
    const now = performance.now();
    if (this.#tokens === 0) {
      this.#first = now;
      element("first", HTMLElement).textContent = milliseconds(now - this.#start);
    }
    this.#tokens += tokens;
    const between = this.#tokens - 1;
    if (between > 0) element("speed", HTMLElement).textContent = perSecond(between, now - this.#first);
    if (now - this.#looked < MEMORY_INTERVAL_MS) return;
    this.#looked = now;
    void this.#showMemory();
  }

  /** The engine's own times, without the way to the page. */
  async end(): Promise<void> {
    const stats = await this.#showMemory();
    if (!stats || stats.generatedTokens < 2) return;
    element("first", HTMLElement).textContent = milliseconds(stats.firstTokenMs);
    element("speed", HTMLElement).textContent = perSecond(stats.generatedTokens - 1, stats.decodeMs);
  }

  async #showMemory() {
    // The model may have been unloaded meanwhile; then there is nothing to show.
    const stats = await this.model.stats().catch(() => undefined);
    if (stats) {
      const gpu = this.model.device.backend === "webgpu" ? `${bytes(stats.deviceBytes)} GPU + ` : "";
      element("memory", HTMLElement).textContent = `${gpu}${bytes(stats.wasmBytes)}`;
    }
    return stats;
  }
}
