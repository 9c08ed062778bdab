//! `cargo xtask package`: the npm tarball.

use std::fs;

use anyhow::{Context, Result};

use crate::build;
use crate::node;
use crate::workspace;

/// Builds the package and packs it; prints the tarball's path as the last line.
pub fn package() -> Result<()> {
    build::package(&build::set_up()?)?;
    let folder = workspace::scratch().join("package");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let json = node::npm()
        .args(["pack", "--json", "--ignore-scripts", "--workspace", "npm", "--pack-destination"])
        .arg(&folder)
        .stdout()?;
    let packed: serde_json::Value = serde_json::from_str(&json).context("npm pack printed no JSON")?;
    // A list before npm 11, an object by package name since.
    let entry = packed.get(0).or_else(|| packed.as_object()?.values().next()).unwrap_or(&packed);
    let name = entry["filename"].as_str().context("npm pack names no file")?;
    println!("{}", folder.join(name).display());
    Ok(())
}
