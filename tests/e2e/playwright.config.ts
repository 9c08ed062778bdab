import { defineConfig } from "@playwright/test";
import { CHROMIUM_FLAGS, chromiumPath } from "./harness/browser.ts";

export default defineConfig({
  testDir: "specs",
  globalSetup: "./harness/build.ts",
  outputDir: "test-results",
  // Software WebGPU keeps every core busy; more workers would only make each test slower.
  workers: 2,
  fullyParallel: true,
  forbidOnly: !!process.env.CI,
  timeout: 120_000,
  // Software compiles a model's pipelines in seconds, not in milliseconds.
  expect: { timeout: 30_000 },
  reporter: [["list"]],
  use: {
    launchOptions: { executablePath: chromiumPath(), args: CHROMIUM_FLAGS },
  },
});
