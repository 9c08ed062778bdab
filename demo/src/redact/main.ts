/** The redaction page: joins the text, what was found in it, the redacted sheet, the way back and the ledger. */
import { SottoError } from "sotto/pii";
import { element } from "../elements.js";
import { Editor } from "./editor.js";
import { EXAMPLE } from "./example.js";
import { openFile, save } from "./files.js";
import { Kinds } from "./kinds.js";
import { Ledger } from "./ledger.js";
import { Readers } from "./readers.js";
import { Restore } from "./restore.js";
import { rules, whenRulesChange } from "./rules.js";
import { Sheet } from "./sheet.js";

function showError(error: unknown): void {
  const known = error instanceof SottoError;
  if (known && error.code === "E_ABORTED") return;
  const notice = element("error", HTMLElement);
  notice.textContent = known
    ? error.message
    : "Something in this page broke. Reload it, and please report it.";
  notice.hidden = false;
  if (!known) throw error;
}

const ledger = new Ledger();
const editor = new Editor();
const restore = new Restore();
const kinds = new Kinds(() => {
  readers.replace();
});
const sheet = new Sheet((entity) => {
  kinds.toggle(entity);
  readers.replace();
});
const reading = element("reading", HTMLElement);

const readers = new Readers({
  text: () => editor.text,
  rules: () => rules(kinds.hidden),
  keeps: (entity) => kinds.keeps(entity),
  onFound: (entities, groups) => {
    kinds.show(entities, groups);
  },
  onRedacted: (text, redaction, groups) => {
    element("error", HTMLElement).hidden = true;
    editor.mark(text, redaction.entities, groups, (entity) => kinds.keeps(entity));
    sheet.show(text, redaction, groups, (entity) => kinds.keeps(entity));
    restore.vault = redaction.vault;
  },
  onState: (words) => {
    reading.textContent = words;
  },
  onModel: (words) => {
    element("model", HTMLElement).textContent = words;
  },
  onError: showError,
});

function setText(text: string): void {
  editor.text = text;
  readers.read();
}

editor.onInput = () => {
  readers.read();
};
whenRulesChange(() => {
  readers.read();
});
openFile(setText, showError);
element("example", HTMLButtonElement).addEventListener("click", () => {
  setText(EXAMPLE);
});
element("clear", HTMLButtonElement).addEventListener("click", () => {
  kinds.forget();
  setText("");
  editor.focus();
});
element("hide", HTMLButtonElement).addEventListener("click", () => {
  kinds.hide(editor.selection);
  readers.read();
});
element("save", HTMLButtonElement).addEventListener("click", () => {
  save(sheet.text);
});

await readers.load().catch(showError);
await ledger.start();
document.documentElement.dataset.ready = "true";
readers.read();
