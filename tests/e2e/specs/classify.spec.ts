/** Token classifiers: what they see, and the dial between recall and precision that some bring. */
import { readFileSync } from "node:fs";
import { load, openModelPage } from "../harness/model.ts";
import { STORIES } from "../harness/fixtures.ts";
import { openPii } from "../harness/pii.ts";
import { expect, test } from "../harness/test.ts";
import type { TestServer } from "../server/server.ts";

const FOLDER = "/m/filter/";
const TEXT = "Ana 🦊 lives in Berlin.";

/** Biases so large that they decide alone. */
const CALIBRATION = {
  operating_points: {
    default: { biases: { transition_bias_background_stay: 1000 } },
    recall: { biases: { transition_bias_background_to_start: 1000 } },
  },
};

function serveFilter(server: TestServer): void {
  for (const name of ["config.json", "tokenizer.json", "model.safetensors"]) {
    const path = new URL(`../../fixtures/encoders/privacy-filter/${name}`, import.meta.url);
    server.put(FOLDER + name, { bytes: new Uint8Array(readFileSync(path)) });
  }
  const bytes = new TextEncoder().encode(JSON.stringify(CALIBRATION));
  server.put(`${FOLDER}viterbi_calibration.json`, { bytes });
}

for (const device of ["cpu", "webgpu"] as const) {
  test(`a classifier reads at the operating point that is asked for, on ${device}`, async ({
    page,
    server,
  }) => {
    serveFilter(server);
    await openModelPage(page, server);
    const loaded = await load(page, FOLDER, { device });
    expect(loaded.value, loaded.message).toMatchObject({
      task: "classify",
      operatingPoints: ["default", "recall"],
    });
    const seen = await page.evaluate(async (text) => {
      const refused = (promise: Promise<unknown>) =>
        promise.then(
          () => "nothing",
          (error: unknown) => `${(error as { code: string }).code} ${(error as Error).message}`,
        );
      const recall = { operatingPoint: "recall" };
      return {
        spans: await model.classify(text, recall),
        usual: await model.classify(text),
        unknown: await refused(model.classify(text, { operatingPoint: "precision" })),
        option: await refused(model.classify(text, { operatingPoint: 1 as never })),
        aborted: await refused(model.classify(text, { signal: AbortSignal.abort() })),
        again: await model.classify(text, recall),
      };
    }, TEXT);
    expect(seen.spans.length).toBeGreaterThan(0);
    let end = 0;
    for (const span of seen.spans) {
      expect(span.start).toBeGreaterThanOrEqual(end);
      expect(span.end).toBeGreaterThan(span.start);
      expect(TEXT.slice(span.start, span.end)).not.toMatch(/\p{Surrogate}/u);
      expect(loaded.value?.labels).toContain(`B-${span.label}`);
      end = span.end;
    }
    expect(end).toBeLessThanOrEqual(TEXT.length);
    expect(seen.usual).toEqual([]);
    expect(seen.again).toEqual(seen.spans);
    expect(seen.unknown).toMatch(/^E_INVALID_ARGUMENT .*"precision".*default, recall/);
    expect(seen.option).toMatch(/^E_INVALID_ARGUMENT .*operatingPoint/);
    expect(seen.aborted).toMatch(/^E_ABORTED/);
  });
}

test("a model that writes classifies nothing", async ({ page, server }) => {
  server.put("/m/stories.gguf", { bytes: STORIES });
  await openModelPage(page, server);
  expect((await load(page, "/m/stories.gguf", { device: "cpu" })).value?.operatingPoints).toBeUndefined();
  const error = await page.evaluate(() =>
    model.classify("Ana").catch((error: unknown) => ({ ...(error as { code: string }) })),
  );
  expect(error).toMatchObject({ code: "E_INVALID_ARGUMENT" });
});

test("a redactor's model reads at the operating point that is asked for", async ({ page, server }) => {
  serveFilter(server);
  await openPii(page, server);
  const result = await page.evaluate(
    async ([model, text]) => {
      const labelMap = { private_person: "PERSON", secret: "ORGANIZATION" };
      const found = async (options: object) => {
        const redactor = await pii.Redactor.load({
          model,
          device: "cpu",
          store: false,
          labelMap,
          ...options,
        });
        const entities = await redactor.analyze(text, { threshold: 0, operatingPoint: "recall" });
        return entities.filter(({ by }) => by === "model").length;
      };
      const refused = (options: object) =>
        found(options).then(
          () => "nothing",
          (error: unknown) => `${(error as { code: string }).code} ${(error as Error).message}`,
        );
      return {
        usual: await found({}),
        recall: await found({ modelOperatingPoint: "recall" }),
        unknown: await refused({ modelOperatingPoint: "precision" }),
        bundled: await refused({ model: "bundled", modelOperatingPoint: "recall" }),
        none: await refused({ model: false, modelOperatingPoint: "recall" }),
      };
    },
    [FOLDER, TEXT] as const,
  );
  expect(result.usual).toBe(0);
  expect(result.recall).toBeGreaterThan(0);
  expect(result.unknown).toMatch(/^E_INVALID_ARGUMENT .*"precision".*default, recall/);
  expect(result.bundled).toMatch(/^E_INVALID_ARGUMENT .*"recall".*none/);
  expect(result.none).toMatch(/^E_INVALID_ARGUMENT .*modelOperatingPoint/);
});
