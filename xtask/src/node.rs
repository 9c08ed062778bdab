//! Node and the JavaScript packages.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::shell::{Run, program};
use crate::stamp::{Inputs, unless_done};
use crate::workspace;

/// What the packages of package-lock.json run on: the least minor version of each long-term release, and all newer ones.
const LONG_TERM: [(u32, u32); 2] = [(20, 19), (22, 13)];
const ALL_FROM: u32 = 24;
const NEEDED: &str = "20.19 or later of 20, 22.13 or later of 22, or 24 and later";

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
    let version = program("node").arg("--version").ask();
    let version = version.with_context(|| format!("Node is needed, {NEEDED}: https://nodejs.org"))?;
    let version = version.trim();
    if !is_new_enough(version) {
        bail!("Node is {version}; needed is {NEEDED}: https://nodejs.org");
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

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.strip_prefix('v').unwrap_or_default().split('.').map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else { return false };
    major >= ALL_FROM || LONG_TERM.iter().any(|&(release, least)| major == release && minor >= least)
}

#[cfg(test)]
mod tests {
    use super::is_new_enough;

    #[test]
    fn versions_that_the_packages_run_on() {
        for version in ["v20.19.0", "v20.20.2", "v22.13.1", "v24.0.0", "v26.1.0"] {
            assert!(is_new_enough(version), "{version}");
        }
        for version in ["v18.20.0", "v20.18.3", "v21.7.0", "v22.12.0", "v23.11.0", "20", ""] {
            assert!(!is_new_enough(version), "{version}");
        }
    }
}
