//! Where things are: the checkout, and the caches that outlive it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// The checkout's root.
pub fn root() -> PathBuf {
    let xtask = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&xtask).parent().map(Path::to_path_buf).unwrap_or_else(|| PathBuf::from("."))
}

/// What only this checkout needs: stamps, generated test pages, packed tarballs.
pub fn scratch() -> PathBuf {
    root().join("target/xtask")
}

/// The folder that all checkouts share, so that a fresh clone does not build every dependency again:
/// `SOTTO_CACHE_DIR`, else `sotto` in the user's cache folder, else (where neither can be written) the checkout.
pub fn cache() -> PathBuf {
    [env_path("SOTTO_CACHE_DIR"), user_cache().map(|dir| dir.join("sotto"))]
        .into_iter()
        .flatten()
        .find(|dir| fs::create_dir_all(dir).is_ok() && is_writable(dir))
        .unwrap_or_else(|| root().join("target/cache"))
}

/// Cargo's target folder for everything xtask builds: the caller's own `CARGO_TARGET_DIR`, else a shared one.
pub fn target() -> PathBuf {
    env_path("CARGO_TARGET_DIR").unwrap_or_else(|| cache().join("target"))
}

fn user_cache() -> Option<PathBuf> {
    if cfg!(windows) {
        return env_path("LOCALAPPDATA");
    }
    let home = env_path("HOME");
    if cfg!(target_os = "macos") {
        return home.map(|home| home.join("Library/Caches"));
    }
    env_path("XDG_CACHE_HOME").or_else(|| home.map(|home| home.join(".cache")))
}

/// A path from the environment, made absolute: the programs we start run in other folders.
fn env_path(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .and_then(|value: OsString| std::path::absolute(value).ok())
}

fn is_writable(dir: &Path) -> bool {
    let probe = dir.join(format!(".probe-{}", std::process::id()));
    fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe)).is_ok()
}
