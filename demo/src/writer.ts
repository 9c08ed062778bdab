/** The desk: takes a prompt, streams the model's text onto the sheet, and measures it. */
import type { GenerateOptions, Model } from "sotto";
import { element } from "./elements.js";
import { bytes, milliseconds, perSecond } from "./words.js";

export type State = "idle" | "loading" | "ready" | "writing" | "done" | "stopped" | "error";

/** Between two looks at the engine's numbers, while writing. */
const LOOK_INTERVAL_MS = 250;

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
    const device = element("device-name", HTMLElement);
    device.textContent = model ? deviceName(model) : "–";
    device.title = model?.device.reason ?? "";
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
      for await (const text of stream(model, prompt, chat, abort.signal)) {
        if (text === "") continue;
        this.#output.append(text);
        meter.tick();
      }
      this.state = "done";
    } catch (error) {
      if (abort.signal.aborted) this.state = "stopped";
      else {
        this.state = "error";
        this.onError(error);
      }
    }
    await meter.look();
  }

  #clear(echo: string): void {
    element("sheet-empty", HTMLElement).hidden = true;
    element("error", HTMLElement).hidden = true;
    for (const id of ["first", "speed"]) element(id, HTMLElement).textContent = "–";
    element("echo", HTMLElement).textContent = echo;
    this.#output.replaceChildren();
  }
}

function deviceName({ device }: Model): string {
  return device.software ? `${device.name} (software, slow)` : device.name;
}

/** The reply, piece by piece; pieces may be empty. */
async function* stream(
  model: Model,
  prompt: string,
  chat: boolean,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const options = settings();
  if (!chat) {
    for await (const { text } of model.generate(prompt, { ...options, signal })) yield text;
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
  for await (const { choices } of chunks) yield choices[0]?.delta.content ?? "";
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

/** Speed, time to the first token and memory: the engine's own numbers, without the way to the page. */
class Meter {
  #looked = -Infinity;

  constructor(private readonly model: Model) {}

  /** Text came. Not before that do the engine's numbers tell of this reply: they may still be those of the last. */
  tick(): void {
    const now = performance.now();
    if (now - this.#looked < LOOK_INTERVAL_MS) return;
    this.#looked = now;
    void this.look();
  }

  async look(): Promise<void> {
    // The model may have been unloaded meanwhile; then there is nothing to show.
    const stats = await this.model.stats().catch(() => undefined);
    if (!stats) return;
    const gpu = this.model.device.backend === "webgpu" ? `${bytes(stats.deviceBytes)} GPU + ` : "";
    element("memory", HTMLElement).textContent = `${gpu}${bytes(stats.wasmBytes)}`;
    if (stats.generatedTokens === 0) return;
    element("first", HTMLElement).textContent = milliseconds(stats.firstTokenMs);
    if (stats.generatedTokens === 1) return;
    element("speed", HTMLElement).textContent = perSecond(stats.generatedTokens - 1, stats.decodeMs);
  }
}
