// Opens a page of wasm-bindgen tests in a headless Chromium, copies what it prints, and exits 0 if all tests pass.
//     CHROME_PATH=... node xtask/wasm-test.mjs URL
import { chromium } from "playwright-core";

// Compiling one kernel on a software GPU takes seconds; minutes without a word mean that the page hangs.
const SILENCE_MS = 300_000;

const url = process.argv[2];
const browser = await chromium.launch({
    executablePath: process.env.CHROME_PATH,
    args: [
        "--no-sandbox",
        "--enable-unsafe-webgpu",
        "--use-webgpu-adapter=swiftshader",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-quic",
    ],
});

let passed = false;
try {
    const page = await browser.newPage();
    const crashed = new Promise((_, reject) => {
        page.on("crash", () => reject(new Error("the page crashed")));
        page.on("pageerror", reject);
    });
    await page.goto(url);
    passed = await Promise.race([crashed, follow(page)]);
} catch (error) {
    console.error(`wasm tests in ${url}: ${error.message}`);
} finally {
    await browser.close();
}
process.exitCode = passed ? 0 : 1;

/** Copies the page's output to stdout as it grows, until the page has a verdict. */
async function follow(page) {
    let printed = 0;
    let lastWord = Date.now();
    for (;;) {
        const { text, verdict } = await page.evaluate(() => ({
            text: document.getElementById("output").textContent,
            verdict: globalThis.verdict,
        }));
        if (text.length > printed) {
            process.stdout.write(text.slice(printed));
            printed = text.length;
            lastWord = Date.now();
        }
        if (verdict !== undefined) return verdict;
        if (Date.now() - lastWord > SILENCE_MS) throw new Error(`no output for ${SILENCE_MS / 1000} seconds`);
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
}
