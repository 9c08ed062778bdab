/** What was found, by kind, and what of it the visitor keeps. Kept and hidden is a value, wherever it stands. */
import type { Entity } from "sotto/pii";
import { element, make } from "../elements.js";
import { type Groups, order } from "./readers.js";

/** Words of labels, as people write them. */
export function inWords(label: string): string {
  return label.toLowerCase().replaceAll("_", " ");
}

export class Kinds {
  readonly #list = element("found", HTMLUListElement);
  readonly #empty = element("found-empty", HTMLElement);
  readonly #keptLabels = new Set<string>();
  /** Values that are kept, or, where their label is kept, hidden all the same. */
  readonly #exceptions = new Set<string>();
  /** Words that the visitor hid. */
  readonly #hidden = new Set<string>();

  constructor(private readonly onChange: () => void) {}

  keeps(entity: Entity): boolean {
    return this.#keptLabels.has(entity.label) !== this.#exceptions.has(key(entity));
  }

  toggle(entity: Entity): void {
    if (!this.#exceptions.delete(key(entity))) this.#exceptions.add(key(entity));
  }

  /** Hides a word of the visitor's wherever it stands. */
  hide(word: string): void {
    if (word.trim() !== "") this.#hidden.add(word.trim());
  }

  get hidden(): string[] {
    return Array.from(this.#hidden);
  }

  forget(): void {
    this.#keptLabels.clear();
    this.#exceptions.clear();
    this.#hidden.clear();
  }

  show(entities: readonly Entity[], groups: Groups): void {
    const counts = new Map<string, number>();
    for (const { label } of entities) counts.set(label, (counts.get(label) ?? 0) + 1);
    const labels = Array.from(counts.keys()).sort((a, b) => order(a) - order(b));
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.label : "";
    this.#list.replaceChildren(
      ...labels.map((label) => this.#kind(label, counts.get(label) ?? 0, groups.get(label) ?? "other")),
    );
    this.#list.querySelector<HTMLElement>(`[data-label="${focused ?? ""}"]`)?.focus();
    this.#empty.hidden = labels.length > 0;
  }

  #kind(label: string, count: number, group: string): HTMLLIElement {
    const button = make("button", inWords(label));
    button.type = "button";
    button.dataset.group = group;
    button.dataset.label = label;
    button.ariaPressed = String(!this.#keptLabels.has(label));
    button.append(make("b", String(count)));
    button.addEventListener("click", () => {
      if (!this.#keptLabels.delete(label)) this.#keptLabels.add(label);
      this.onChange();
    });
    const item = document.createElement("li");
    item.append(button);
    return item;
  }
}

function key({ label, text }: Entity): string {
  return `${label} ${text}`;
}
