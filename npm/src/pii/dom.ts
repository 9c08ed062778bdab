/** Redaction of what a page shows: text nodes, the values of form fields, and attributes that people read. */
import { InvalidArgumentError } from "../errors.js";
import type { CallOptions } from "./config.js";
import type { Redactor } from "./redactor.js";
import type { Entity } from "./types.js";
import type { Vault } from "./vault.js";

export interface DomOptions extends Omit<CallOptions, "field"> {
  /** Attributes to redact too. Default `title`, `alt`, `placeholder`, `aria-label`. */
  attributes?: readonly string[] | undefined;
  /** Elements to leave alone, with all in them: a CSS selector. Default `[data-sotto-keep]`. */
  keep?: string | undefined;
}

/** What was redacted in a page. */
export interface DomRedaction {
  entities: Entity[];
  vault: Vault;
  /** Puts everything back as it was, where the page has not changed it since. */
  restore(): void;
}

/** Elements whose text is of no paragraph. */
const NO_TEXT = new Set([
  "SCRIPT",
  "STYLE",
  "NOSCRIPT",
  "TEMPLATE",
  "TEXTAREA",
  "OPTION",
  "IFRAME",
  "OBJECT",
]);
/** Elements inside a line of text; every other one begins another. */
const INLINE = new Set(
  "A ABBR B BDI BDO CITE CODE DATA DEL DFN EM FONT I INS KBD LABEL MARK Q S SAMP SMALL SPAN STRONG SUB SUP TIME U VAR WBR".split(
    " ",
  ),
);
/** Kinds of input that show what is typed. Passwords are not looked at. */
const TYPED = new Set(["text", "search", "email", "tel", "url", "number", "date"]);
const ATTRIBUTES = ["title", "alt", "placeholder", "aria-label"];

/** One text that may be replaced, and the way to do it. */
interface Place {
  read(): string;
  write(text: string): void;
}

/** Places whose texts together are one. */
interface Passage {
  places: Place[];
  field?: string | undefined;
}

/**
 * Redacts what is under `root`: an element, a fragment or a document. An entity across several nodes (`<b>Ana</b> Ruiz`)
 * goes into the first of them. Fields tell the page of their change with an `input` event.
 */
export async function redactDom(
  redactor: Redactor,
  root: ParentNode & Node,
  { attributes = ATTRIBUTES, keep = "[data-sotto-keep]", ...options }: DomOptions = {},
): Promise<DomRedaction> {
  if (!(root instanceof Node)) throw new InvalidArgumentError("redactDom takes an element or a document.");
  const vault = options.vault ?? redactor.newVault();
  const done: { place: Place; before: string; after: string }[] = [];
  const entities: Entity[] = [];
  for (const { places, field } of passages(root, attributes, keep)) {
    const before = places.map((place) => place.read());
    if (before.every((text) => text.trim() === "")) continue;
    const redacted = await redactor.redactParts(before, { ...options, vault, field });
    entities.push(...redacted.entities);
    for (const [index, place] of places.entries()) {
      const [was, after] = [before[index] ?? "", redacted.parts[index] ?? ""];
      // What changed while we looked is left to the next look.
      if (was === after || place.read() !== was) continue;
      place.write(after);
      done.push({ place, before: was, after });
    }
  }
  const restore = () => {
    for (const { place, before, after } of done) if (place.read() === after) place.write(before);
  };
  return { entities, vault, restore };
}

function passages(root: Node, attributes: readonly string[], keep: string): Passage[] {
  const found: Passage[] = [];
  let line: Place[] = [];
  const endLine = () => {
    if (line.length > 0) found.push({ places: line });
    line = [];
  };
  const visit = (node: Node) => {
    if (node instanceof Text) {
      line.push({
        read: () => node.data,
        write: (text) => {
          node.data = text;
        },
      });
      return;
    }
    if (node instanceof Element) {
      if (node.matches(keep)) {
        endLine();
        return;
      }
      for (const name of attributes) if (node.hasAttribute(name)) found.push(attribute(node, name));
      if (node instanceof HTMLTextAreaElement || (node instanceof HTMLInputElement && TYPED.has(node.type))) {
        found.push(formField(node));
      }
      if (NO_TEXT.has(node.tagName)) return;
    }
    const inline = node instanceof Element && INLINE.has(node.tagName);
    if (!inline) endLine();
    node.childNodes.forEach(visit);
    if (node instanceof Element && node.shadowRoot) node.shadowRoot.childNodes.forEach(visit);
    if (!inline) endLine();
  };
  visit(root);
  endLine();
  return found;
}

function attribute(element: Element, name: string): Passage {
  return {
    places: [
      {
        read: () => element.getAttribute(name) ?? "",
        write: (text) => {
          element.setAttribute(name, text);
        },
      },
    ],
  };
}

function formField(field: HTMLInputElement | HTMLTextAreaElement): Passage {
  const place: Place = {
    read: () => field.value,
    write: (text) => {
      // A field of numbers or dates takes nothing else; as one of text it does.
      if (field instanceof HTMLInputElement && (field.type === "number" || field.type === "date"))
        field.type = "text";
      field.value = text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    },
  };
  return { places: [place], field: [field.name, field.autocomplete, field.id].find((name) => name !== "") };
}
