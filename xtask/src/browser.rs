//! A Chromium for the tests, and a Vulkan driver for the kernels' native tests.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::packages;
use crate::shell::{on_path, say};

const NAMES: [&str; 6] =
    ["chromium", "google-chrome", "google-chrome-stable", "chromium-browser", "chrome", "microsoft-edge"];

/// Finds a Chrome, Chromium or Edge: `CHROME_PATH`, the PATH, the usual folders; on Debian installs one if there is none.
pub fn find() -> Result<PathBuf> {
    if let Some(path) = env::var_os("CHROME_PATH").map(PathBuf::from) {
        if !path.is_file() {
            bail!("CHROME_PATH is {}, where there is no file", path.display());
        }
        return Ok(path);
    }
    if let Some(browser) = installed() {
        return Ok(browser);
    }
    const ADVICE: &str = "no Chrome, Chromium or Edge found. Install Chrome (https://www.google.com/chrome) or Chromium, \
                          or set CHROME_PATH to the browser's program";
    if packages::is_debian() {
        packages::install("a browser for the tests", &["chromium"]).context(ADVICE)?;
    }
    installed().context(ADVICE)
}

/// Finds Firefox: `FIREFOX_PATH`, the PATH; on Debian installs it if there is none. Without one its test is skipped.
pub fn firefox() -> Option<PathBuf> {
    let installed = || ["firefox-esr", "firefox"].iter().find_map(|name| on_path(name));
    if let Some(path) = env::var_os("FIREFOX_PATH") {
        return Some(path.into());
    }
    if installed().is_none() && packages::is_debian() {
        let got = packages::install("Firefox for a test of a browser without WebGPU", &["firefox-esr"]);
        got.unwrap_or_else(|error| say(format_args!("{error:#}")));
    }
    let found = installed();
    if found.is_none() {
        say("no Firefox found: the test in it is skipped. Install it, or set FIREFOX_PATH to its program");
    }
    found
}

fn installed() -> Option<PathBuf> {
    NAMES
        .iter()
        .find_map(|name| on_path(name))
        .or_else(|| usual_places().into_iter().find(|path| path.is_file()))
}

fn usual_places() -> Vec<PathBuf> {
    if cfg!(target_os = "macos") {
        let apps = ["Google Chrome", "Chromium", "Microsoft Edge"];
        let folders =
            [Some(PathBuf::from("/Applications")), env::home_dir().map(|home| home.join("Applications"))];
        folders
            .into_iter()
            .flatten()
            .flat_map(|folder| apps.map(|app| folder.join(format!("{app}.app/Contents/MacOS/{app}"))))
            .collect()
    } else if cfg!(windows) {
        let programs = [
            "Google/Chrome/Application/chrome.exe",
            "Chromium/Application/chrome.exe",
            "Microsoft/Edge/Application/msedge.exe",
        ];
        ["ProgramFiles", "ProgramFiles(x86)", "LOCALAPPDATA"]
            .into_iter()
            .filter_map(env::var_os)
            .flat_map(|folder| programs.map(|program| PathBuf::from(&folder).join(program)))
            .collect()
    } else {
        ["/opt/google/chrome/chrome", "/usr/lib/chromium/chromium", "/snap/bin/chromium"]
            .map(PathBuf::from)
            .into()
    }
}

/// Sees to a Vulkan driver on Linux: without a GPU the kernels run on Mesa's software one. Where none can be installed the
/// tests that need none still run, and the others say what they miss.
pub fn vulkan_driver() {
    let named = |name| env::var_os(name).is_some();
    if !cfg!(target_os = "linux") || named("VK_ICD_FILENAMES") || named("VK_DRIVER_FILES") || has_driver() {
        return;
    }
    if packages::has_apt() {
        let wanted = ["mesa-vulkan-drivers", "libvulkan1"];
        if let Err(error) = packages::install("a Vulkan driver for the kernels' tests", &wanted) {
            say(format_args!("{error:#}"));
        }
    }
    if !has_driver() {
        say("no Vulkan driver found: the kernels' tests need one. Install your GPU's, or Mesa's lavapipe");
    }
}

/// Whether a driver's manifest is where Vulkan's loader looks for it.
fn has_driver() -> bool {
    ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"]
        .iter()
        .any(|folder| std::fs::read_dir(folder).is_ok_and(|mut manifests| manifests.next().is_some()))
}
