/** The way back: values into an answer that has placeholders in it. */
import type { Vault } from "sotto/pii";
import { element } from "../elements.js";

export class Restore {
  readonly #answer = element("answer", HTMLTextAreaElement);
  readonly #restored = element("restored", HTMLElement);
  readonly #size = element("vault", HTMLElement);
  #vault: Vault | undefined;

  constructor() {
    this.#answer.addEventListener("input", () => {
      this.#show();
    });
  }

  set vault(vault: Vault) {
    this.#vault = vault;
    const { size } = vault;
    this.#size.textContent = size === 0 ? "" : `${size} ${size === 1 ? "value" : "values"} in memory`;
    this.#show();
  }

  #show(): void {
    const answer = this.#answer.value;
    this.#restored.hidden = answer === "" || !this.#vault;
    this.#restored.textContent = this.#vault?.restore(answer) ?? "";
  }
}
