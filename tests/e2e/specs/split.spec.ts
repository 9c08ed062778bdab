/** Models in several files. */
import { HALF, HALF_PARTS } from "../harness/fixtures.ts";
import { load, openModelPage, write } from "../harness/model.ts";
import { expect, test } from "../harness/test.ts";

const FIRST = `/m/${HALF_PARTS[0]?.name ?? ""}`;

test.beforeEach(async ({ page, server }) => {
  for (const { name, bytes } of HALF_PARTS) server.put(`/m/${name}`, { bytes });
  server.put("/m/half.gguf", { bytes: HALF });
  await openModelPage(page, server);
});

test("the parts of a split model write what the whole one writes, then come from the store", async ({
  page,
  server,
}) => {
  await load(page, "/m/half.gguf");
  const whole = (await write(page, "", { maxTokens: 100 })).value?.text;
  await page.evaluate(() => model.unload());
  expect(whole).not.toBe("");
  for (const visit of [1, 2]) {
    server.forget();
    expect((await load(page, FIRST, { chunkBytes: 64 * 1024 })).value).toMatchObject({ files: 3 });
    if (visit === 2) expect(server.requestsUnder("/m/")).toEqual([]);
    expect((await write(page, "", { maxTokens: 100 })).value?.text).toBe(whole);
    await page.evaluate(() => model.unload());
  }

  const picked = await page.evaluate(
    async (names) => {
      const files = names.map(
        async (name) => new File([await (await fetch(`/m/${name}`)).arrayBuffer()], name),
      );
      const model = await sotto.loadModel(await Promise.all(files));
      let text = "";
      for await (const part of model.generate("", { temperature: 0, maxTokens: 100 })) text += part.text;
      return text;
    },
    HALF_PARTS.map(({ name }) => name).reverse(),
  );
  expect(picked).toBe(whole);
});

test("a server without ranges can serve a split model too", async ({ page, server }) => {
  for (const { name } of HALF_PARTS) server.change(`/m/${name}`, { ranges: false });
  expect((await load(page, FIRST, { chunkBytes: 64 * 1024 })).value).toMatchObject({ files: 3 });
  server.forget();
  expect((await load(page, FIRST)).value).toMatchObject({ files: 3 });
  expect(server.requestsUnder("/m/")).toEqual([]);
});

test("a part that is missing, or the wrong one to begin with, is named", async ({ page, server }) => {
  const second = `/m/${HALF_PARTS[1]?.name ?? ""}`;
  const begun = await load(page, second);
  expect(begun.code).toBe("E_INVALID_ARGUMENT");
  expect(begun.message).toContain("00001-of-00003");
  server.change(second, { status: 404 });
  const missing = await load(page, FIRST);
  expect(missing.code).toBe("E_NETWORK");
  expect(missing.message).toContain("00002-of-00003");
});

test("a part alone under another name is E_MODEL_FORMAT", async ({ page, server }) => {
  server.put("/m/renamed.gguf", { bytes: HALF_PARTS[0]?.bytes ?? new Uint8Array() });
  const { code, message } = await load(page, "/m/renamed.gguf");
  expect(code).toBe("E_MODEL_FORMAT");
  expect(message).toContain("3 parts");
});
