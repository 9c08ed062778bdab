//! `cargo xtask demo`: the demo page, for a person to open or for a headless browser to check.

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use anyhow::Result;

use crate::browser;
use crate::build;
use crate::node::node;
use crate::server;
use crate::shared_target;
use crate::shell::Run;
use crate::workspace;

/// A browser keeps what it stored by address, port included, so the same one each time finds the model again.
const USUAL_PORT: u16 = 8000;

/// Builds everything and serves the page until interrupted.
pub fn serve(port: Option<u16>) -> Result<ExitCode> {
    let dist = build()?;
    let address = match port {
        Some(port) => server::start(&dist, port)?,
        None => server::start(&dist, USUAL_PORT).or_else(|_| server::start(&dist, 0))?,
    };
    println!("The demo is at {address} (end with Ctrl+C)");
    loop {
        thread::park();
    }
}

/// Builds everything, opens the page in a headless browser and prints the text that the bundled model streams.
pub fn check(port: Option<u16>) -> Result<ExitCode> {
    let chrome = browser::find()?;
    let address = server::start(&build()?, port.unwrap_or(0))?;
    let status = checker(&address, chrome).attach()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What `check` prints, of a demo that is built.
pub fn written_by_the_bundled_model() -> Result<String> {
    let address = server::start(&workspace::root().join("demo/dist"), 0)?;
    checker(&address, browser::find()?).stdout()
}

fn checker(address: &str, chrome: PathBuf) -> Run {
    node().args(["demo/check.mjs", address]).dir(workspace::root()).env("CHROME_PATH", chrome)
}

/// Builds everything; returns the site's folder.
fn build() -> Result<PathBuf> {
    build::all(&build::set_up()?)?;
    shared_target::release();
    Ok(workspace::root().join("demo/dist"))
}
