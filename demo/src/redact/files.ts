/** Texts from files, picked or dropped, and the redacted one into a file. */
import { element } from "../elements.js";

/** A text area holds no more of use. */
const MOST_BYTES = 20_000_000;

export function openFile(onText: (text: string) => void, onError: (error: unknown) => void): void {
  const input = element("file", HTMLInputElement);
  const open = (file: File | undefined) => {
    if (!file) return;
    if (file.size > MOST_BYTES) {
      const notice = element("error", HTMLElement);
      notice.textContent = `${file.name} has ${Math.ceil(file.size / 1e6)} MB; this page takes 20. The command line and the package take any size.`;
      notice.hidden = false;
      return;
    }
    file.text().then(onText).catch(onError);
  };
  input.addEventListener("change", () => {
    open(input.files?.[0]);
    input.value = "";
  });
  const files = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  addEventListener("dragover", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) document.body.classList.remove("dragging");
  });
  addEventListener("drop", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    document.body.classList.remove("dragging");
    open(event.dataTransfer?.files[0]);
  });
}

export function save(text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = "redacted.txt";
  link.click();
  URL.revokeObjectURL(url);
}
