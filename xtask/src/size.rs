//! `cargo xtask size`: what a page downloads, gzipped, against its budget.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::build;
use crate::node;
use crate::workspace;

/// JavaScript and wasm together, `gzip -9`.
const BUDGET_BYTES: u64 = 1_300_000;

/// Prints [[file, bytes, gzipped bytes], ...] of the JavaScript and wasm under a folder. Node has the same zlib as
/// gzip, where Rust's own deflate gives other sizes.
const MEASURE: &str = r#"
    import { readdirSync, readFileSync } from "node:fs";
    import { join } from "node:path";
    import { gzipSync } from "node:zlib";
    const folder = process.argv[1];
    const files = readdirSync(folder, { recursive: true }).filter((file) => /\.(js|mjs|wasm)$/.test(file)).sort();
    const sizes = files.map((file) => {
        const bytes = readFileSync(join(folder, file));
        return [file, bytes.length, gzipSync(bytes, { level: 9 }).length];
    });
    console.log(JSON.stringify(sizes));
"#;

/// Builds the package and prints the size of each part; fails when the total is over the budget.
pub fn size() -> Result<ExitCode> {
    build::package(&build::set_up()?)?;
    let parts = measure(&workspace::root().join("npm/dist"))?;
    let total: u64 = parts.iter().map(|part| part.2).sum();
    println!("{:<40} {:>12} {:>12}", "file", "bytes", "gzip -9");
    for (file, bytes, gzipped) in &parts {
        println!("{file:<40} {bytes:>12} {gzipped:>12}");
    }
    println!("{:<40} {:>12} {total:>12}", "total", parts.iter().map(|part| part.1).sum::<u64>());
    println!("{:<40} {:>12} {BUDGET_BYTES:>12}", "budget", "");
    if total > BUDGET_BYTES {
        eprintln!("error: {} bytes over the budget", total - BUDGET_BYTES);
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Name, bytes and gzipped bytes of each part.
fn measure(folder: &Path) -> Result<Vec<(String, u64, u64)>> {
    let json = node::node().args(["--input-type=module", "--eval", MEASURE]).arg(folder).ask()?;
    let parts: Vec<(String, u64, u64)> = serde_json::from_str(&json).context("node printed no sizes")?;
    if !parts.iter().any(|(file, ..)| file.ends_with(".wasm")) {
        bail!("{} holds no wasm: was it built?", folder.display());
    }
    Ok(parts)
}
