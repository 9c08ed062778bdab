/**
 * The page's address may say what to do, so that links and headless checks can:
 *
 *     ?auto=1          load the model and write, without a click
 *     &model=ADDRESS   a model to load instead of the bundled one
 *     &prompt=TEXT     may be empty
 *     &max=N  &temperature=X  &top-k=N  &top-p=X  &min-p=X  &repetition=X  &seed=N
 *     &device=auto|webgpu|cpu
 *
 * The text is then in `#output`, whose `data-state` goes from `loading` to `ready`, `writing` and `done`, or to
 * `error`, with the reason in `#error`.
 */
import { element } from "./elements.js";

/** Fills the form from the address. Returns whether to begin by itself. */
export function applyQuery(): boolean {
  const query = new URLSearchParams(location.search);
  for (const name of ["max", "temperature", "top-k", "top-p", "min-p", "repetition", "seed"]) {
    const value = query.get(name);
    if (value !== null) element(name, HTMLInputElement).value = value;
  }
  const prompt = query.get("prompt");
  if (prompt !== null) element("prompt", HTMLTextAreaElement).value = prompt;
  const device = query.get("device");
  if (device === "auto" || device === "webgpu" || device === "cpu") {
    element("device", HTMLSelectElement).value = device;
  }
  const model = query.get("model");
  if (model !== null) {
    element("url", HTMLInputElement).value = model;
    document.querySelector<HTMLInputElement>('input[name="source"][value="url"]')?.click();
  }
  return query.get("auto") === "1";
}
