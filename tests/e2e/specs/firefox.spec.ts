/** The demo in Firefox, which on Linux has no WebGPU: the processor writes, and the text streams. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { STORY } from "../harness/fixtures.ts";
import { expect, test } from "../harness/test.ts";

/** Playwright drives only a Firefox of its own, so this one is only opened: its page reports by what it asks for. */
const FIREFOX = process.env.FIREFOX_PATH;

/** No first-run pages, and nothing asked of the network but the page. */
const PREFERENCES = {
  "app.normandy.enabled": false,
  "app.update.auto": false,
  "browser.aboutwelcome.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "browser.startup.homepage_override.mstone": "ignore",
  "datareporting.policy.dataSubmissionEnabled": false,
  "dom.webgpu.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "services.settings.server": "data:,",
  "toolkit.telemetry.reportingpolicy.firstRun": false,
};

interface Ended {
  state: string;
  text: string;
  device: string;
  error: string;
}

test("the demo streams the reference text in Firefox, on the processor", async ({ server }) => {
  test.skip(FIREFOX === undefined, "FIREFOX_PATH names no Firefox");
  const profile = await mkdtemp(join(tmpdir(), "sotto-firefox-"));
  const lines = Object.entries(PREFERENCES).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`,
  );
  await writeFile(join(profile, "user.js"), lines.join("\n"));
  const query = new URLSearchParams({ auto: "1", prompt: "", max: "200", temperature: "0" }).toString();
  const firefox = spawn(
    FIREFOX ?? "",
    ["--headless", "--no-remote", "--profile", profile, `${server.origin}/pages/watch.html?${query}`],
    { stdio: "ignore", env: { ...process.env, HOME: profile } },
  );
  const closed = new Promise((resolve) => firefox.once("close", resolve));
  try {
    const reports = (kind: string) =>
      server
        .requestsUnder(`/report/${kind}/`)
        .map(({ path }): unknown => JSON.parse(decodeURIComponent(path.slice(`/report/${kind}/`.length))));
    await expect.poll(() => reports("end").length, { timeout: 100_000 }).toBe(1);
    const ended = reports("end")[0] as Ended;
    expect(ended.error).toBe("");
    expect(ended.state).toBe("done");
    expect(ended.text).toBe(STORY);
    expect(ended.device).toMatch(/^CPU, .*SIMD/);
    // It came in pieces.
    expect(reports("part").length).toBeGreaterThan(3);
  } finally {
    firefox.kill();
    await closed;
    await rm(profile, { recursive: true, force: true });
  }
});
