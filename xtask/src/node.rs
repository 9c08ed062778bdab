//! Node and the JavaScript packages.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::shell::{Run, program};
use crate::stamp::{Inputs, unless_done};
use crate::workspace;

const OLDEST_NODE: u32 = 20;

/// `npm`, in the checkout.
pub fn npm() -> Run {
    program("npm").dir(workspace::root())
}

/// `node`, in the checkout.
pub fn node() -> Run {
    program("node").dir(workspace::root())
}

/// Installs the packages of package-lock.json, unless that was done.
pub fn install() -> Result<()> {
    let version =
        program("node").arg("--version").ask().context("Node 20 or newer is needed: https://nodejs.org")?;
    let version = version.trim();
    if major(version).is_none_or(|major| major < OLDEST_NODE) {
        bail!("Node is {version}; {OLDEST_NODE} or newer is needed: https://nodejs.org");
    }
    let root = workspace::root();
    let inputs = Inputs::default()
        .value(version)
        .path(&root.join("package-lock.json"), &[])?
        .path(&root.join("package.json"), &[])?;
    let installed = root.join("node_modules/.package-lock.json");
    unless_done("npm-ci", &inputs, &[installed], || {
        // Nothing we use needs its install scripts, some of which download programs.
        npm().args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).stream().map(drop)
    })?;
    Ok(())
}

/// The folder and version of an installed package.
pub fn package(name: &str) -> Result<(PathBuf, String)> {
    let dir = workspace::root().join("node_modules").join(name);
    let manifest = dir.join("package.json");
    let text =
        fs::read_to_string(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
    let json: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("{} is not JSON", manifest.display()))?;
    let version =
        json["version"].as_str().with_context(|| format!("{} names no version", manifest.display()))?;
    Ok((dir, version.to_owned()))
}

fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn major_of_a_version() {
        assert_eq!(major("v20.19.2"), Some(20));
        assert_eq!(major("20"), None);
        assert_eq!(major(""), None);
    }
}
