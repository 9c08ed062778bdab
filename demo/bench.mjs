/**
 * Opens the bench page in a headless browser and prints what it measures: a line of JSON each as they come, or a table at
 * the end. `node bench.mjs "http://localhost:8000/bench.html?auto=1&shape=mini" [--json]` with `CHROME_PATH` naming the
 * browser. Exit code 1: the reason is on stderr.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "playwright-core";
import { printTable } from "./table.mjs";

const [address, form] = process.argv.slice(2);
if (!address) {
  console.error("usage: node bench.mjs ADDRESS [--json]");
  process.exit(1);
}
const FLAGS = [
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];
// Without a GPU there is still one in software, for who asks for it.
if (!process.env.SOTTO_BENCH_GPU) FLAGS.push("--use-webgpu-adapter=swiftshader");

const browser = await chromium.launch({
  executablePath: process.env.CHROME_PATH ?? "/usr/bin/chromium",
  args: FLAGS,
});
try {
  const tab = await browser.newPage();
  tab.on("console", (message) => console.error(`page ${message.type()}: ${message.text()}`));
  tab.on("pageerror", (error) => console.error(`page: ${error.message}`));
  await tab.goto(address);
  const lines = [];
  for (let state = ""; state !== "done"; await sleep(200)) {
    const page = await tab.evaluate(() => ({
      state: document.querySelector("#state").dataset.state,
      lines: document.querySelector("#lines").textContent,
      error: document.querySelector("#error").textContent,
    }));
    state = page.state;
    if (state === "error") throw new Error(page.error);
    for (const line of page.lines.split("\n").filter(Boolean).slice(lines.length)) {
      lines.push(JSON.parse(line));
      if (form === "--json") console.log(line);
    }
  }
  if (form !== "--json") printTable(lines);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await browser.close();
}
