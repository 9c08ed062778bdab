/** Drives the page that imports the built package, as a page without a bundler does. */
import type { Page } from "@playwright/test";
import type * as Sotto from "sotto";
import type { TestServer } from "../server/server.ts";

declare global {
  var sotto: typeof Sotto;
  /** The model that a test loaded and goes on to use. */
  var model: Sotto.Model;
}

/** What became of a call in the page: its value, or its error's code and message. */
export type Outcome<T> =
  { value: T; code?: undefined; message?: undefined } | { value?: undefined; code: string; message: string };

/** Before the page opens: the engine gets its GPU devices as ever, and the page has them in `made`. */
export async function keepDevices(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const made: GPUDevice[] = [];
    Object.assign(globalThis, { made });
    // eslint-disable-next-line @typescript-eslint/unbound-method
    const requestDevice = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = async function (descriptor) {
      const device = await requestDevice.call(this, descriptor);
      made.push(device);
      return device;
    };
  });
}

export async function openModelPage(page: Page, server: TestServer): Promise<void> {
  await page.goto(`${server.origin}/pages/model.html`);
  await page.waitForFunction(() => "sotto" in globalThis);
}

type PlainLoadOptions = Omit<Sotto.LoadOptions, "signal" | "onProgress" | "draft"> & {
  draft?: string | undefined;
};

/** Loads a model and keeps it in the page as `model`. */
export function load(
  page: Page,
  url: string,
  options: PlainLoadOptions = {},
): Promise<Outcome<Sotto.ModelInfo>> {
  return page.evaluate(
    async ([url, options]) => {
      try {
        // The browser's GPU is a software one, which nobody gets who does not ask for it.
        globalThis.model = await sotto.loadModel(url, { device: "webgpu", ...options });
        return { value: model.info };
      } catch (error) {
        if (!(error instanceof sotto.SottoError)) throw error;
        return { code: error.code, message: error.message };
      }
    },
    [url, options] as const,
  );
}

/** Writes on from a prompt, always with the likeliest token unless told otherwise. */
export function write(
  page: Page,
  prompt: string,
  options: Omit<Sotto.GenerateOptions, "signal"> = {},
): Promise<Outcome<{ text: string; ids: number[]; last: Sotto.GeneratedPart }>> {
  return page.evaluate(
    async ([prompt, options]) => {
      try {
        let text = "";
        const ids: number[] = [];
        let last: Sotto.GeneratedPart | undefined;
        for await (const part of model.generate(prompt, { temperature: 0, ...options })) {
          text += part.text;
          ids.push(...part.ids);
          last = part;
        }
        if (!last) throw new Error("the model gave no part at all");
        return { value: { text, ids, last } };
      } catch (error) {
        if (!(error instanceof sotto.SottoError)) throw error;
        return { code: error.code, message: error.message };
      }
    },
    [prompt, options] as const,
  );
}
