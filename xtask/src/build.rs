//! The steps from source to a site: set-up, wasm, the npm package, the demo.

use anyhow::Result;

use crate::licences;
use crate::node;
use crate::shell::say;
use crate::stamp::{Inputs, unless_done};
use crate::toolchain::Toolchain;
use crate::wasm;
use crate::workspace;

/// Gets what building needs: a compiler for wasm and the JavaScript packages.
pub fn set_up() -> Result<Toolchain> {
    let toolchain = Toolchain::find()?;
    node::install()?;
    Ok(toolchain)
}

/// Builds the wasm module, the npm package and the demo.
pub fn all(toolchain: &Toolchain) -> Result<()> {
    package(toolchain)?;
    licences::write()?;
    let licences = licences::FILES.map(|file| format!("npm/{file}"));
    let inputs = ["npm/dist", "tests/fixtures/models"].into_iter().chain(licences.iter().map(String::as_str));
    npm_build("demo", &inputs.collect::<Vec<_>>(), &["dist"])
}

/// Builds the wasm module and the npm package.
pub fn package(toolchain: &Toolchain) -> Result<()> {
    wasm::build(toolchain)?;
    npm_build("npm", &["models"], &[&["dist", "test"][..], &licences::FILES].concat())
}

/// Builds `FOLDER/dist` from the folder, less what is under `except`, and the other inputs.
fn npm_build(folder: &str, others: &[&str], except: &[&str]) -> Result<()> {
    let root = workspace::root();
    let mut inputs =
        Inputs::default().path(&root.join(folder), except)?.path(&root.join("package-lock.json"), &[])?;
    for other in others {
        inputs = inputs.path(&root.join(other), &[])?;
    }
    let ran = unless_done(folder, &inputs, &[root.join(folder).join("dist")], || {
        node::npm().args(["run", "build", "--workspace", folder]).stream().map(drop)
    })?;
    if !ran {
        say(format_args!("{folder}/dist is up to date"));
    }
    Ok(())
}
