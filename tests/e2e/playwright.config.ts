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
  timeout: 60_000,
  reporter: [["list"]],
  use: {
    launchOptions: { executablePath: chromiumPath(), args: CHROMIUM_FLAGS },
  },
});
