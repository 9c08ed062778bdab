/** The browser compiles every shader that the kernels' own tests compiled natively, those for real GPUs among them. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "../harness/test.ts";

/** Where `cargo xtask test` has the kernels' tests leave what browsers get. */
const FOLDER = process.env.SOTTO_WGSL;

test("the browser compiles what the kernels' tests ran", async ({ page, server }) => {
  test.skip(FOLDER === undefined, "the kernels' tests did not run before");
  const files = readdirSync(FOLDER ?? "").filter((name) => name.endsWith(".wgsl"));
  const shaders = files.map((name) => ({ name, code: readFileSync(`${FOLDER}/${name}`, "utf8") }));
  // Grouped experts, bytes of the cache, subgroups and halves are what no model of the other tests has here.
  for (const flag of ["grouped", "kv_q8", "subgroups", "f16"]) {
    expect(files.filter((name) => name.split(/[ .]/).includes(flag)).length, flag).toBeGreaterThan(0);
  }
  await page.goto(`${server.origin}/pages/blank.html`);
  const faults = await page.evaluate(async (shaders) => {
    const adapter = await navigator.gpu.requestAdapter();
    const halves = adapter?.features.has("shader-f16") ?? false;
    const requiredFeatures: GPUFeatureName[] = halves ? ["subgroups", "shader-f16"] : ["subgroups"];
    const device = await adapter?.requestDevice({ requiredFeatures });
    if (!device) throw new Error("no device");
    // Where the adapter has no f16, what stands in for it is a type that all have: all but its size is checked.
    const known = (code: string) => (halves ? code : code.replace(/^enable f16;$/m, "alias f16 = f32;"));
    const compile = async ({ name, code }: (typeof shaders)[number]) => {
      const { messages } = await device.createShaderModule({ code: known(code) }).getCompilationInfo();
      return messages
        .filter(({ type }) => type === "error")
        .map(({ lineNum, message }) => `${name}:${lineNum}: ${message}`);
    };
    // One that is wrong shows that faults are seen.
    const seen = await compile({ name: "wrong", code: "fn f() -> u32 { return 1.0; }" });
    if (seen.length === 0) throw new Error("a fault was not seen");
    return (await Promise.all(shaders.map(compile))).flat();
  }, shaders);
  expect(faults).toEqual([]);
});
