/** The models this browser keeps for this site: load one again, or delete it. */
import { deleteModel, listModels, storageEstimate, type StoredModel } from "sotto";
import { element, make } from "./elements.js";
import { bytes } from "./words.js";

export class StoredModels {
  constructor(
    private readonly onLoad: (id: string) => void,
    private readonly onError: (error: unknown) => void,
  ) {
    element("stored", HTMLDetailsElement).addEventListener("toggle", () => {
      void this.show();
    });
  }

  async show(): Promise<void> {
    try {
      const [models, { usage, persisted }] = await Promise.all([listModels(), storageEstimate()]);
      element("stored-count", HTMLElement).textContent = models.length > 0 ? String(models.length) : "";
      element("stored-list", HTMLElement).replaceChildren(...models.map((model) => this.#item(model)));
      element("stored-use", HTMLElement).textContent =
        models.length === 0
          ? "Nothing yet. Models fetched from an address are kept here, so that they load without the network."
          : `${bytes(usage)} in use. ${persisted ? "The browser keeps it." : "The browser may drop it when space runs low."}`;
    } catch (error) {
      this.onError(error);
    }
  }

  #item(model: StoredModel): HTMLLIElement {
    const name = make("div", model.name, "name");
    const part = model.complete ? bytes(model.bytes) : `${bytes(model.storedBytes)} of ${bytes(model.bytes)}`;
    name.append(make("small", part));
    const load = this.#button("Load", `Load ${model.name}`, () => {
      this.onLoad(model.id);
    });
    const remove = this.#button("Delete", `Delete ${model.name} from this browser`, () => {
      void deleteModel(model.id)
        .catch(this.onError)
        .then(() => this.show());
    });
    const item = make("li", "");
    item.append(name, load, remove);
    return item;
  }

  #button(text: string, label: string, onClick: () => void): HTMLButtonElement {
    const button = make("button", text);
    button.type = "button";
    button.setAttribute("aria-label", label);
    button.addEventListener("click", onClick);
    return button;
  }
}
