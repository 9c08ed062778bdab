/** The redacted text. Each entity is a button: pressed it is hidden, else it is kept. */
import type { Entity, Redaction, ReplacedEntity } from "sotto/pii";
import { element, make } from "../elements.js";
import { inWords } from "./kinds.js";
import type { Groups } from "./readers.js";

/** Beyond this many the text is shown without buttons. */
const BUTTONS = 2000;
/** Of a longer text the beginning is shown; copy and save take all of it. */
const SHOWN = 200_000;

export class Sheet {
  /** The whole redacted text. */
  text = "";
  readonly #out = element("out", HTMLElement);
  readonly #count = element("count", HTMLElement);
  readonly #copy = element("copy", HTMLButtonElement);
  readonly #save = element("save", HTMLButtonElement);

  constructor(private readonly onToggle: (entity: Entity) => void) {
    this.#copy.addEventListener("click", () => {
      void navigator.clipboard.writeText(this.text).then(
        () => {
          this.#say("Copied");
        },
        () => {
          this.#say("Not allowed");
        },
      );
    });
  }

  show(text: string, redaction: Redaction, groups: Groups, keeps: (entity: Entity) => boolean): void {
    this.text = redaction.text;
    const { entities } = redaction;
    const hidden = entities.filter((e) => !keeps(e) && e.replacement !== e.text).length;
    this.#count.textContent = text === "" ? "" : `${hidden} hidden, ${entities.length - hidden} kept`;
    this.#copy.disabled = this.#save.disabled = text === "";
    const focused = this.#focusedAt();
    if (entities.length > BUTTONS || text.length > SHOWN) {
      const more = this.text.length > SHOWN ? "\n…" : "";
      this.#out.textContent = this.text.slice(0, SHOWN) + more;
    } else {
      this.#out.replaceChildren(...this.#nodes(text, entities, groups, keeps));
      if (focused !== undefined) this.#out.querySelector<HTMLElement>(`[data-at="${focused}"]`)?.focus();
    }
    this.#out.dataset.state = "done";
  }

  #nodes(
    text: string,
    entities: readonly ReplacedEntity[],
    groups: Groups,
    keeps: (entity: Entity) => boolean,
  ): Node[] {
    const nodes: Node[] = [];
    let at = 0;
    for (const entity of entities) {
      const before = text.slice(at, entity.start);
      if (before !== "") nodes.push(document.createTextNode(before));
      nodes.push(this.#chip(entity, groups.get(entity.label) ?? "other", keeps(entity)));
      at = entity.end;
    }
    if (at < text.length) nodes.push(document.createTextNode(text.slice(at)));
    return nodes;
  }

  #chip(entity: ReplacedEntity, group: string, kept: boolean): HTMLButtonElement {
    const shown = kept || entity.replacement === entity.text;
    const chip = make("button", entity.replacement, "chip");
    chip.type = "button";
    chip.dataset.group = group;
    chip.dataset.at = String(entity.start);
    chip.ariaPressed = String(!shown);
    const found = `${inWords(entity.label)}, ${Math.round(entity.score * 100)} %, by ${entity.explain.recogniser}`;
    chip.title = entity.explain.context ? `${found} near “${entity.explain.context}”` : found;
    chip.addEventListener("click", () => {
      this.onToggle(entity);
    });
    return chip;
  }

  #focusedAt(): string | undefined {
    const active = document.activeElement;
    return active instanceof HTMLElement && this.#out.contains(active) ? active.dataset.at : undefined;
  }

  #say(words: string): void {
    this.#copy.textContent = words;
    setTimeout(() => {
      this.#copy.textContent = "Copy";
    }, 1500);
  }
}
