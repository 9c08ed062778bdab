//! `cargo xtask package`: the npm tarball.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::build;
use crate::licences;
use crate::node;
use crate::workspace;

/// Builds the package and packs it; prints the tarball's path as the last line.
pub fn package() -> Result<()> {
    build::package(&build::set_up()?)?;
    println!("{}", pack()?.display());
    Ok(())
}

/// Packs the package, which must be built, with all licences; returns the tarball.
pub fn pack() -> Result<PathBuf> {
    licences::write()?;
    let folder = workspace::scratch().join("package");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let json = node::npm()
        .args(["pack", "--json", "--ignore-scripts", "--workspace", "npm", "--pack-destination"])
        .arg(&folder)
        .stdout()?;
    let packed: serde_json::Value = serde_json::from_str(&json).context("npm pack printed no JSON")?;
    // A list before npm 11, an object by package name since.
    let entry = packed
        .get(0)
        .or_else(|| packed.as_object()?.values().next())
        .context("npm pack told of no package")?;
    let name = entry["filename"].as_str().context("npm pack names no file")?;
    let files: Vec<&str> =
        entry["files"].as_array().into_iter().flatten().filter_map(|file| file["path"].as_str()).collect();
    if let Some(missing) = licences::FILES.iter().find(|file| !files.contains(file)) {
        bail!("{name} lacks {missing}: does npm/package.json name it under \"files\"?");
    }
    Ok(folder.join(name))
}
