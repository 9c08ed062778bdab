/** The page: joins the model panel, the desk and the list of stored models. */
import { SottoError } from "sotto";
import { element } from "./elements.js";
import { Loader } from "./loader.js";
import { applyQuery } from "./query.js";
import { StoredModels } from "./stored.js";
import { checkWebGpu } from "./webgpu.js";
import { Writer } from "./writer.js";

function showError(error: unknown): void {
  const notice = element("error", HTMLElement);
  const known = error instanceof SottoError;
  if (known && error.code === "E_ABORTED") return;
  notice.textContent = known
    ? error.message
    : "Something in this page broke. Reload it, and please report it.";
  notice.hidden = false;
  if (!known) throw error;
}

const writer = new Writer(showError);

const loader = new Loader({
  onStart: () => {
    element("error", HTMLElement).hidden = true;
    writer.model = undefined;
    writer.state = "loading";
  },
  onLoaded: (model) => {
    writer.model = model;
    writer.state = "ready";
    element("sheet-empty", HTMLElement).textContent = "Write a beginning above, or nothing, and press Write.";
    void stored.show();
  },
  onError: (error) => {
    writer.state = error instanceof SottoError && error.code === "E_ABORTED" ? "idle" : "error";
    showError(error);
    void stored.show();
  },
});

const stored = new StoredModels((id) => {
  void loader.load(id);
}, showError);

const auto = applyQuery();
void stored.show();
void checkWebGpu();
if (auto) {
  await loader.loadChosen();
  await writer.write();
}
