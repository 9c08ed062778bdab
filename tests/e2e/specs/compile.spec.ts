/** When kernels compile: while a model's weights are on their way, and never once it writes. */
import { STORIES } from "../harness/fixtures.ts";
import { load, openModelPage, write } from "../harness/model.ts";
import { expect, test } from "../harness/test.ts";

declare global {
  /** Pipelines that the page's GPU devices were asked for. */
  var pipelines: number;
}

test("kernels compile while the weights are on their way, and none once a reply begins", async ({
  page,
  server,
}) => {
  await page.addInitScript(() => {
    globalThis.pipelines = 0;
    for (const name of ["createComputePipeline", "createComputePipelineAsync"] as const) {
      // eslint-disable-next-line @typescript-eslint/unbound-method
      const create = GPUDevice.prototype[name] as (descriptor: GPUComputePipelineDescriptor) => never;
      GPUDevice.prototype[name] = function (this: GPUDevice, descriptor: GPUComputePipelineDescriptor) {
        globalThis.pipelines += 1;
        return create.call(this, descriptor);
      };
    }
  });
  await openModelPage(page, server);
  const options = { worker: false, device: "webgpu", chunkBytes: 64 * 1024 } as const;
  server.put("/m/whole.gguf", { bytes: STORIES });
  expect((await load(page, "/m/whole.gguf", options)).code).toBeUndefined();
  const all = await page.evaluate(() => pipelines);
  expect(all).toBeGreaterThan(5);
  expect((await write(page, "Once upon a time", { maxTokens: 20 })).value?.ids).toHaveLength(20);
  expect(await page.evaluate(() => pipelines)).toBe(all);
  await page.evaluate(() => model.unload());

  // Half of the file never comes until every kernel is there.
  server.put("/m/half.gguf", { bytes: STORIES, stallAt: STORIES.length / 2 });
  const loaded = load(page, "/m/half.gguf", options);
  await page.waitForFunction((all) => pipelines === 2 * all, all);
  server.change("/m/half.gguf", { stallAt: undefined });
  expect((await loaded).code).toBeUndefined();
  expect((await write(page, "Once upon a time", { maxTokens: 20 })).value?.ids).toHaveLength(20);
  expect(await page.evaluate(() => pipelines)).toBe(2 * all);
});
