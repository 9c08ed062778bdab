/**
 * Opens the demo in a headless browser, lets the bundled model write greedily from an empty prompt, and prints the
 * text as it streams. `node check.mjs http://localhost:8000/` with `CHROME_PATH` naming the browser.
 * Exit code 0: the text is complete. 1: the reason is on stderr.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "playwright-core";

const TIMEOUT_MS = 300_000;
const FLAGS = [
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  // Works without a GPU, and the same everywhere.
  "--use-webgpu-adapter=swiftshader",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--disable-quic",
];

const [address] = process.argv.slice(2);
if (!address) {
  console.error("usage: node check.mjs ADDRESS");
  process.exit(1);
}

const page = new URL(address);
// A software GPU is not what the page would choose by itself.
page.search = new URLSearchParams({
  auto: "1",
  prompt: "",
  max: "200",
  temperature: "0",
  device: "webgpu",
}).toString();

const browser = await chromium.launch({
  executablePath: process.env.CHROME_PATH ?? "/usr/bin/chromium",
  args: FLAGS,
});
try {
  process.exitCode = (await writes(await browser.newPage())) ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await browser.close();
}

/** Whether the page's model wrote its text, which is printed meanwhile. */
async function writes(tab) {
  tab.on("console", (message) => console.error(`page ${message.type()}: ${message.text()}`));
  tab.on("pageerror", (error) => console.error(`page: ${error.message}`));
  await tab.goto(page.href);
  const deadline = Date.now() + TIMEOUT_MS;
  for (let printed = 0; Date.now() < deadline; await sleep(50)) {
    const { state, text, error } = await tab.evaluate(() => {
      const output = document.querySelector("#output");
      const error = document.querySelector("#error");
      return { state: output.dataset.state, text: output.textContent, error: error.textContent };
    });
    process.stdout.write(text.slice(printed));
    printed = text.length;
    if (state === "done") {
      process.stdout.write("\n");
      return true;
    }
    if (state === "error") {
      console.error(error);
      return false;
    }
  }
  console.error(`The model did not finish within ${TIMEOUT_MS / 1000} seconds.`);
  return false;
}
