//! The wasm modules as the browser gets them: compiled, bound to JavaScript by wasm-bindgen, shrunk by wasm-opt. One has the
//! engine, and comes without relaxed SIMD, with it, and with threads; the other the recognisers and the vault alone, which is a fraction of the size and can be in the page too.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, anyhow};
use serde_json::Value;
use wasm_bindgen_cli_support::Bindgen;

use crate::node;
use crate::relaxed;
use crate::shell::say;
use crate::stamp::{Inputs, unless_done};
use crate::threads;
use crate::toolchain::Toolchain;
use crate::workspace;

/// The packages that become wasm modules.
pub const PACKAGES: [&str; 2] = ["sotto-web-pii", "sotto-web"];

/// The one that computes: the package has it with relaxed SIMD too, and with threads.
const ENGINE: &str = "sotto-web";

/// The profile in Cargo.toml of what the browser downloads.
const PROFILE: &str = "web";

/// What wasm-bindgen writes for a module.
const SUFFIXES: [&str; 4] = [".js", ".d.ts", "_bg.wasm", "_bg.wasm.d.ts"];
/// The module with relaxed SIMD, which the same JavaScript drives.
const RELAXED_SUFFIX: &str = "_relaxed_bg.wasm";
/// The module with relaxed SIMD on shared memory, which the same JavaScript drives.
const THREADS_SUFFIX: &str = "_threads_bg.wasm";
/// For wasm-opt, beside [`FEATURES`].
const RELAXED_FEATURE: &str = "--enable-relaxed-simd";
const THREADS_FEATURE: &str = "--enable-threads";

/// Speed first: -Oz saves a few per cent of the download, and slows down what runs on every token.
const OPTIMISE: &str = "-O3";

/// Passes of it over the smaller module, where a second one takes seconds and saves 1.5 KB of the download.
const PASSES: usize = 2;

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

/// Where the package expects the modules.
pub fn folder() -> PathBuf {
    workspace::root().join("npm/wasm")
}

/// Builds the modules into `npm/wasm`.
pub fn build(toolchain: &Toolchain) -> Result<()> {
    PACKAGES.iter().try_for_each(|package| build_one(toolchain, package))
}

/// Builds a module: NAME.js, NAME.d.ts, NAME_bg.wasm, NAME_bg.wasm.d.ts, where NAME is the package's, with underscores.
fn build_one(toolchain: &Toolchain, package: &str) -> Result<()> {
    let name = package.replace('-', "_");
    let compiled = compile(toolchain, package, &name)?;
    let (binaryen, version) = node::package("binaryen")?;
    let inputs =
        Inputs::default().bytes(&compiled).value(&version).value(OPTIMISE).value(&FEATURES.join(" "));
    let is_engine = package == ENGINE;
    let inputs = match is_engine {
        true => inputs.value(include_str!("relaxed.rs")).value(include_str!("threads.rs")),
        false => inputs.value(&PASSES.to_string()),
    };
    let variants = [RELAXED_SUFFIX, THREADS_SUFFIX].into_iter().filter(|_| is_engine);
    let suffixes = SUFFIXES.into_iter().chain(variants);
    let outputs: Vec<_> = suffixes.map(|suffix| folder().join(format!("{name}{suffix}"))).collect();
    unless_done(&name, &inputs, &outputs, || {
        let folder = folder();
        for output in &outputs {
            let _ = fs::remove_file(output); // an earlier module's
        }
        let _ = fs::remove_dir_all(folder.join("snippets"));
        say(format_args!("wasm-bindgen: {} bytes of wasm to {}", compiled.len(), folder.display()));
        Bindgen::new()
            .web(true)?
            .typescript(true)
            // `relaxed` looks at the names; wasm-opt drops them.
            .remove_name_section(!is_engine)
            .remove_producers_section(true)
            .omit_default_module_path(false)
            .input_bytes(&name, compiled)
            .generate(&folder)
            .context("wasm-bindgen failed")?;
        let module = folder.join(format!("{name}_bg.wasm"));
        let further = if is_engine { 0 } else { PASSES - 1 };
        let mut modules = vec![(module.clone(), vec![OPTIMISE; further])];
        if is_engine {
            let [relaxed, shared] =
                [RELAXED_SUFFIX, THREADS_SUFFIX].map(|suffix| folder.join(format!("{name}{suffix}")));
            split(&module, &relaxed, &shared).with_context(|| module.display().to_string())?;
            modules.push((relaxed, vec![RELAXED_FEATURE]));
            modules.push((shared, vec![RELAXED_FEATURE, THREADS_FEATURE]));
        }
        optimise_all(&modules, &binaryen)
    })?;
    Ok(())
}

/// Makes the engine's three modules of one, and the JavaScript that wasm-bindgen wrote for it such that it drives them all.
fn split(module: &Path, relaxed: &Path, shared: &Path) -> Result<()> {
    let relaxed::Modules { with, without } = relaxed::split(&fs::read(module)?)?;
    let with_threads = threads::shared(&with)?;
    fs::write(shared, &with_threads)?;
    fs::write(relaxed, threads::alone(&with)?)?;
    fs::write(module, threads::alone(&without)?)?;
    let glue = folder().join(format!("{}.js", ENGINE.replace('-', "_")));
    fs::write(&glue, threads::glue(&fs::read_to_string(&glue)?, &with_threads)?)?;
    let types = glue.with_extension("d.ts");
    fs::write(&types, fs::read_to_string(&types)? + threads::GLUE_TYPES)?;
    Ok(())
}

/// Compiles a package and returns the module as the linker wrote it.
fn compile(toolchain: &Toolchain, package: &str, name: &str) -> Result<Vec<u8>> {
    let messages = toolchain
        .cargo("build")?
        .args(["--profile", PROFILE, "--package", package, "--message-format", "json-render-diagnostics"])
        .stdout()?;
    let file = artifacts(&messages, |artifact| artifact["target"]["name"] == name)
        .into_iter()
        .next()
        .with_context(|| format!("cargo built {package} but names no {name}.wasm"))?;
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

/// Runs wasm-opt over modules, in place and all at once: it takes a minute for one, on one processor.
fn optimise_all(modules: &[(PathBuf, Vec<&str>)], binaryen: &Path) -> Result<()> {
    thread::scope(|scope| {
        let started: Vec<_> = modules
            .iter()
            .map(|(module, features)| scope.spawn(|| optimise(module, binaryen, features)))
            .collect();
        let ended = |thread: thread::ScopedJoinHandle<'_, Result<()>>| {
            thread.join().map_err(|_| anyhow!("the thread that runs wasm-opt panicked"))?
        };
        started.into_iter().map(ended).collect::<Vec<_>>().into_iter().collect()
    })
}

/// Runs wasm-opt over a module, in place.
fn optimise(module: &Path, binaryen: &Path, features: &[&str]) -> Result<()> {
    let before = fs::metadata(module)?.len();
    node::node()
        .arg(binaryen.join("bin/wasm-opt"))
        .args([OPTIMISE, "--strip-debug", "--strip-producers", "--strip-target-features"])
        .args(FEATURES)
        .args(features)
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
            artifacts(messages, |artifact| artifact["target"]["name"] == "sotto_web"),
            [PathBuf::from("/t/sotto_web.wasm")]
        );
    }
}
