//! The wasm-bindgen tests of the wasm modules' crates, in a headless browser. wasm-bindgen's own runner wants a WebDriver of the
//! browser's exact version and minutes to install; wasm-bindgen as a library, one page and playwright do the same.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::browser;
use crate::node;
use crate::server;
use crate::shell::say;
use crate::toolchain::Toolchain;
use crate::wasm;
use crate::workspace;

const PAGE: &str = include_str!("wasm_test.html");

/// Builds and runs the tests; returns what the runners printed.
pub fn run(toolchain: &Toolchain) -> Result<Vec<String>> {
    let chrome = browser::find()?;
    let pages = workspace::scratch().join("wasm-test");
    let _ = fs::remove_dir_all(&pages); // of an earlier run
    let count = build(toolchain, &pages)?;
    if count == 0 {
        bail!("{} have no wasm tests", wasm::PACKAGES.join(" and "));
    }
    let address = server::start(&pages, 0)?;
    let mut lines = Vec::new();
    for page in 0..count {
        let url = format!("{address}{page}/");
        lines.extend(node::node().arg("xtask/wasm-test.mjs").arg(url).env("CHROME_PATH", &chrome).stream()?);
    }
    Ok(lines)
}

/// Makes a page for each test binary: `pages/0/`, `pages/1/` and so on. Returns how many.
fn build(toolchain: &Toolchain, pages: &Path) -> Result<usize> {
    let messages = toolchain
        .cargo("test")?
        .args(wasm::PACKAGES.map(|package| format!("--package={package}")))
        .args(["--no-run", "--message-format", "json-render-diagnostics"])
        .stdout()?;
    let mut count = 0;
    for file in wasm::artifacts(&messages, |artifact| artifact["profile"]["test"] == true) {
        let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let page = pages.join(count.to_string());
        say(format_args!("wasm-bindgen: {}", file.display()));
        let bound = Bindgen::new()
            .web(true)?
            .debug(true)
            .export_wasm(true)
            .emit_start(false)
            .typescript(false)
            .omit_default_module_path(true)
            .input_bytes("test", bytes)
            .generate(&page);
        bound.with_context(|| format!("wasm-bindgen failed on {}", file.display()))?;
        // The runtime is linked only into binaries that have tests.
        if !fs::read_to_string(page.join("test.js"))?.contains("class WasmBindgenTestContext") {
            fs::remove_dir_all(&page)?;
            continue;
        }
        fs::write(page.join("index.html"), PAGE)?;
        count += 1;
    }
    Ok(count)
}
