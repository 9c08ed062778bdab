/** Starts the small module from its file: Node's fetch knows no file addresses. */
import { readFileSync } from "node:fs";
import { startPii } from "../../src/pii/module.js";

export const wasm = await startPii(
  readFileSync(new URL("../../wasm/sotto_web_pii_bg.wasm", import.meta.url)),
);
