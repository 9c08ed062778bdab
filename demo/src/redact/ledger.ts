/**
 * What the page asked of the network since it was ready. The browser's own timeline lists the page's requests; the service
 * worker, once it is there, also sees those of the page's workers.
 */
import { element, make } from "../elements.js";

export class Ledger {
  readonly #requests = element("requests", HTMLElement);
  readonly #list = element("request-list", HTMLUListElement);
  readonly #offline = element("offline", HTMLElement);
  #count = 0;

  /** Counts from now on. */
  async start(): Promise<void> {
    await this.#goOffline();
    const since = performance.now();
    new PerformanceObserver((entries) => {
      for (const { name, startTime } of entries.getEntries()) if (startTime >= since) this.#add(name);
    }).observe({ type: "resource" });
    navigator.serviceWorker.addEventListener("message", ({ data }: MessageEvent<{ fetched?: string }>) => {
      if (typeof data.fetched === "string") this.#add(data.fetched);
    });
  }

  /** Has the service worker keep the page's files. */
  async #goOffline(): Promise<void> {
    try {
      await navigator.serviceWorker.register("./sw.js");
      // Not longer than a visitor would wait: the page works without.
      const ready = await Promise.race([navigator.serviceWorker.ready, rest(20_000)]);
      this.#offline.textContent = ready ? "yes: the page's files are kept in this browser" : "not yet";
    } catch {
      this.#offline.textContent = "no: this browser does not let the page keep its files";
    }
  }

  #add(name: string): void {
    this.#count++;
    this.#requests.textContent = String(this.#count);
    this.#requests.classList.add("some");
    this.#list.hidden = false;
    this.#list.append(make("li", name));
  }
}

function rest(ms: number): Promise<undefined> {
  return new Promise((resolve) => {
    setTimeout(() => {
      resolve(undefined);
    }, ms);
  });
}
