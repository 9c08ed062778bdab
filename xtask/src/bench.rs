//! `cargo xtask bench`: `sotto bench`, optimised.

use std::process::ExitCode;

use anyhow::Result;

use crate::toolchain;

/// Runs `sotto bench` natively with these arguments.
pub fn native(args: &[String]) -> Result<ExitCode> {
    let status = toolchain::cargo()?
        .args(["run", "--quiet", "--release", "--bin", "sotto", "--", "bench"])
        .args(args)
        .attach()?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}
