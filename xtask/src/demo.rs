//! `cargo xtask demo`: the demo page, for a person to open or for a headless browser to check.

use std::process::ExitCode;
use std::thread;

use anyhow::Result;

use crate::browser;
use crate::build;
use crate::node::node;
use crate::server;
use crate::shell::say;
use crate::workspace;

/// Builds everything and serves the page until interrupted.
pub fn serve(port: u16) -> Result<ExitCode> {
    let address = start(port)?;
    println!("The demo is at {address} (end with Ctrl+C)");
    loop {
        thread::park();
    }
}

/// Builds everything, opens the page in a headless browser and prints the text that the bundled model streams.
pub fn check(port: u16) -> Result<ExitCode> {
    let chrome = browser::find()?;
    let address = start(port)?;
    let status = node().args(["demo/check.mjs", &address]).env("CHROME_PATH", chrome).attach()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn start(port: u16) -> Result<String> {
    build::all(&build::set_up()?)?;
    let dist = workspace::root().join("demo/dist");
    say(format_args!("serving {}", dist.display()));
    server::start(&dist, port)
}
