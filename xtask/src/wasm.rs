//! crates/web as the browser gets it: compiled, bound to JavaScript by wasm-bindgen, shrunk by wasm-opt.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;
use wasm_bindgen_cli_support::Bindgen;

use crate::node;
use crate::shell::say;
use crate::stamp::{Inputs, unless_done};
use crate::toolchain::Toolchain;
use crate::workspace;

/// The package that becomes the wasm module.
pub const PACKAGE: &str = "sotto-web";

/// The profile in Cargo.toml of what the browser downloads.
const PROFILE: &str = "web";

/// The name of the module: wasm-bindgen writes NAME.js, NAME.d.ts and NAME_bg.wasm.
const NAME: &str = "sotto_web";

/// Speed first: -Oz saves a few per cent of the download, and slows down what runs on every token.
const OPTIMISE: &str = "-O3";

/// What rustc uses by default for wasm32, and wasm-bindgen's tables, and SIMD (.cargo/config.toml).
/// Every browser with WebGPU has all of these.
const FEATURES: [&str; 8] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--enable-simd",
];

/// Where the package expects the module.
pub fn folder() -> PathBuf {
    workspace::root().join("npm/wasm")
}

/// Builds the module into `npm/wasm`.
pub fn build(toolchain: &Toolchain) -> Result<()> {
    let compiled = compile(toolchain)?;
    let (binaryen, version) = node::package("binaryen")?;
    let inputs =
        Inputs::default().bytes(&compiled).value(&version).value(OPTIMISE).value(&FEATURES.join(" "));
    let outputs = [".js", ".d.ts", "_bg.wasm"].map(|suffix| folder().join(format!("{NAME}{suffix}")));
    unless_done("wasm", &inputs, &outputs, || {
        let folder = folder();
        let _ = fs::remove_dir_all(&folder); // what an earlier module left
        say(format_args!("wasm-bindgen: {} bytes of wasm to {}", compiled.len(), folder.display()));
        Bindgen::new()
            .web(true)?
            .typescript(true)
            .remove_name_section(true)
            .remove_producers_section(true)
            .omit_default_module_path(false)
            .input_bytes(NAME, compiled)
            .generate(&folder)
            .context("wasm-bindgen failed")?;
        optimise(&folder.join(format!("{NAME}_bg.wasm")), &binaryen)
    })?;
    Ok(())
}

/// Compiles crates/web and returns the module as the linker wrote it.
fn compile(toolchain: &Toolchain) -> Result<Vec<u8>> {
    let messages = toolchain
        .cargo("build")?
        .args(["--profile", PROFILE, "--package", PACKAGE, "--message-format", "json-render-diagnostics"])
        .stdout()?;
    let file = artifacts(&messages, |artifact| artifact["target"]["name"] == NAME)
        .into_iter()
        .next()
        .with_context(|| format!("cargo built {PACKAGE} but names no {NAME}.wasm"))?;
    fs::read(&file).with_context(|| format!("cannot read {}", file.display()))
}

/// The wasm files that Cargo's JSON messages name, of the artifacts that `wanted` picks.
pub fn artifacts(messages: &str, wanted: impl Fn(&Value) -> bool) -> Vec<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact" && wanted(message))
        .flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default())
        .filter_map(|file| file.as_str().map(PathBuf::from))
        .filter(|file| file.extension().is_some_and(|extension| extension == "wasm"))
        .collect()
}

/// Runs wasm-opt over a module, in place.
fn optimise(module: &Path, binaryen: &Path) -> Result<()> {
    let before = fs::metadata(module)?.len();
    node::node()
        .arg(binaryen.join("bin/wasm-opt"))
        .args([OPTIMISE, "--strip-debug", "--strip-producers", "--strip-target-features"])
        .args(FEATURES)
        .arg(module)
        .arg("-o")
        .arg(module)
        .stream()?;
    say(format_args!("wasm-opt: {before} bytes to {}", fs::metadata(module)?.len()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_are_the_wasm_files_of_the_wanted_messages() {
        let messages = r#"
            {"reason":"compiler-artifact","target":{"name":"other"},"filenames":["/t/other.wasm"]}
            {"reason":"compiler-artifact","target":{"name":"sotto_web"},"filenames":["/t/sotto_web.wasm","/t/libsotto_web.rlib"]}
            {"reason":"build-finished","success":true}
            not json"#;
        assert_eq!(
            artifacts(messages, |artifact| artifact["target"]["name"] == NAME),
            [PathBuf::from("/t/sotto_web.wasm")]
        );
    }
}
