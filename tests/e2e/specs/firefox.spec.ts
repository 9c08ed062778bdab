/** The demo in Firefox, which on Linux has no WebGPU: the processor writes, on threads where it may, and the text streams. */
import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { STORY } from "../harness/fixtures.ts";
import { expect, test } from "../harness/test.ts";
import type { TestServer } from "../server/server.ts";

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

/** What the script of the workers that help is called in the demo, before its hash. */
const HELPER = "/demo/assets/helper-";

interface Ended {
  state: string;
  text: string;
  device: string;
  error: string;
}

/** The first Firefox with relaxed SIMD, which the module for threads needs. */
const HAS_RELAXED_SIMD = 145;

test("the demo streams the reference text in Firefox, on the processor", async ({ server }) => {
  const { device } = await writeTheStory(server);
  expect(device).toMatch(/^CPU, .*SIMD/);
  expect(server.requestsUnder(HELPER)).toEqual([]);
});

test("in Firefox, an isolated page writes the same, on threads where there is relaxed SIMD", async ({
  server,
}) => {
  server.isolated = true;
  const { device } = await writeTheStory(server);
  const version = /\d+/.exec(execFileSync(FIREFOX ?? "", ["--version"], { encoding: "utf8" }))?.[0];
  const relaxed = Number(version) >= HAS_RELAXED_SIMD;
  // As many as there are processors, which a machine for tests may have one of.
  const threads = relaxed ? Math.min(cpus().length, 8) : 1;
  const name = `CPU, ${relaxed ? "relaxed SIMD" : "SIMD128"}`;
  expect(device).toBe(threads > 1 ? `${name}, ${threads} threads` : name);
  expect(server.requestsUnder(HELPER).length > 0).toBe(threads > 1);
});

/** Opens the demo in Firefox, sees it write the reference text piece by piece, and tells how it ended. */
async function writeTheStory(server: TestServer): Promise<Ended> {
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
    // It came in pieces.
    expect(reports("part").length).toBeGreaterThan(3);
    return ended;
  } finally {
    firefox.kill();
    await closed;
    await rm(profile, { recursive: true, force: true });
  }
}
