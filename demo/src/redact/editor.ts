/** The text field, with marks under what was found. */
import type { Entity } from "sotto/pii";
import { element, make } from "../elements.js";
import type { Groups } from "./readers.js";

/** Marks in a text longer than this would make typing slow. */
const MARKED = 100_000;

export class Editor {
  onInput: () => void = () => undefined;
  readonly #text = element("text", HTMLTextAreaElement);
  readonly #marks = element("marks", HTMLElement);
  readonly #hide = element("hide", HTMLButtonElement);

  constructor() {
    this.#text.addEventListener("input", () => {
      // The marks of the old text stand in the wrong places of the new one.
      this.#marks.textContent = "";
      this.onInput();
    });
    this.#text.addEventListener("scroll", () => {
      this.#marks.scrollTop = this.#text.scrollTop;
    });
    document.addEventListener("selectionchange", () => {
      this.#hide.disabled = this.selection.trim() === "";
    });
  }

  get text(): string {
    return this.#text.value;
  }

  set text(text: string) {
    this.#text.value = text;
    this.#marks.textContent = "";
    this.#text.scrollTop = 0;
  }

  get selection(): string {
    return this.#text.value.slice(this.#text.selectionStart, this.#text.selectionEnd);
  }

  focus(): void {
    this.#text.focus();
  }

  mark(text: string, entities: readonly Entity[], groups: Groups, keeps: (entity: Entity) => boolean): void {
    if (text !== this.text || text.length > MARKED) return;
    const nodes: Node[] = [];
    let at = 0;
    for (const entity of entities) {
      const mark = make("mark", entity.text, keeps(entity) ? "kept" : "");
      mark.dataset.group = groups.get(entity.label) ?? "other";
      nodes.push(document.createTextNode(text.slice(at, entity.start)), mark);
      at = entity.end;
    }
    // A last line break shows only if something follows it.
    nodes.push(document.createTextNode(`${text.slice(at)}\n`));
    this.#marks.replaceChildren(...nodes);
    this.#marks.scrollTop = this.#text.scrollTop;
  }
}
