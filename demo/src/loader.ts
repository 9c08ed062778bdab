/** The model panel: choosing a model, loading it with its progress, and what it turned out to be. */
import { loadModel, type Model, type ModelSource, type Progress } from "sotto";
import { element, fillList } from "./elements.js";
import { bytes, parameters } from "./words.js";

const BUNDLED = "./models/stories260K-f32.gguf";

const PHASES: Record<Progress["phase"], string> = {
  wait: "Another tab is fetching this model",
  download: "Fetching",
  load: "Loading",
};

export interface LoaderEvents {
  /** A load begins: the model before is gone. */
  onStart: () => void;
  onLoaded: (model: Model) => void;
  onError: (error: unknown) => void;
}

export class Loader {
  readonly #form = element("load-form", HTMLFormElement);
  readonly #file = element("file", HTMLInputElement);
  readonly #progress = element("progress", HTMLProgressElement);
  #model: Model | undefined;
  #abort: AbortController | undefined;

  constructor(private readonly events: LoaderEvents) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.load(this.#chosen());
    });
    element("cancel", HTMLButtonElement).addEventListener("click", () => this.#abort?.abort());
    this.#form.addEventListener("change", () => {
      this.#showChoice();
    });
    this.#acceptDrops();
  }

  /** Loads what the form says. */
  loadChosen(): Promise<void> {
    return this.load(this.#chosen());
  }

  /** Loads a model in place of the one before. */
  async load(source: ModelSource): Promise<void> {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.events.onStart();
    this.#show({ loading: true });
    try {
      const before = this.#model;
      this.#model = undefined;
      await before?.unload();
      const chosen = element("device", HTMLSelectElement).value;
      const device = chosen === "webgpu" || chosen === "cpu" ? chosen : "auto";
      const onProgress = (progress: Progress) => {
        if (!abort.signal.aborted) this.#showProgress(progress);
      };
      const model = await loadModel(source, { device, signal: abort.signal, onProgress });
      this.#model = model;
      this.#showFacts(model);
      this.events.onLoaded(model);
    } catch (error) {
      if (this.#abort === abort) this.events.onError(error);
    } finally {
      if (this.#abort === abort) this.#show({ loading: false });
    }
  }

  #chosen(): ModelSource {
    const source = new FormData(this.#form).get("source");
    if (source === "url") return element("url", HTMLInputElement).value;
    if (source === "file") return Array.from(this.#file.files ?? []);
    return BUNDLED;
  }

  #choose(source: string): void {
    const radio = this.#form.querySelector<HTMLInputElement>(`input[name="source"][value="${source}"]`);
    if (radio) radio.checked = true;
    this.#showChoice();
  }

  #showChoice(): void {
    const chosen = new FormData(this.#form).get("source");
    for (const part of this.#form.querySelectorAll<HTMLElement>("[data-source]")) {
      part.hidden = part.dataset.source !== chosen;
    }
    const names = Array.from(this.#file.files ?? [], (file) => file.name);
    if (names.length > 0) element("drop-text", HTMLElement).textContent = names.join(", ");
  }

  /** A file may be dropped anywhere on the page. */
  #acceptDrops(): void {
    const dragging = (on: boolean) => {
      document.body.classList.toggle("dragging", on);
    };
    document.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      this.#choose("file");
      dragging(true);
    });
    document.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) dragging(false);
    });
    document.addEventListener("drop", (event) => {
      const files = event.dataTransfer?.files;
      if (!files?.length) return;
      event.preventDefault();
      dragging(false);
      this.#file.files = files;
      this.#choose("file");
      void this.load(Array.from(files));
    });
  }

  #show({ loading }: { loading: boolean }): void {
    element("load", HTMLButtonElement).hidden = loading;
    element("cancel", HTMLButtonElement).hidden = !loading;
    element("loading", HTMLElement).hidden = !loading;
    if (!loading) return;
    element("facts", HTMLDListElement).hidden = true;
    this.#progress.removeAttribute("value");
    element("hairpin-fill", HTMLElement).style.transform = "scaleX(0)";
    element("progress-text", HTMLElement).textContent = "Starting";
  }

  #showProgress({ phase, loaded, total }: Progress): void {
    const share = total > 0 ? loaded / total : 0;
    this.#progress.value = share;
    element("hairpin-fill", HTMLElement).style.transform = `scaleX(${share})`;
    const amount = total > 0 ? ` ${bytes(loaded)} of ${bytes(total)}` : "";
    element("progress-text", HTMLElement).textContent = PHASES[phase] + amount;
  }

  #showFacts({ info, contextLength, device }: Model): void {
    const facts = element("facts", HTMLDListElement);
    const rows: [string, string][] = [
      ["Name", info.name ?? info.architecture],
      ["Parameters", parameters(info.parameters)],
      ["Weights", `${info.quantization}, ${bytes(info.weightBytes)}`],
      ["Context", `${contextLength} tokens`],
      ["Runs on", `${device.name} (${device.reason})`],
    ];
    if (info.licence !== null) rows.push(["Licence", info.licence]);
    fillList(facts, rows);
    facts.hidden = false;
  }
}
