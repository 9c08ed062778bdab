//! A Rust compiler for wasm32-unknown-unknown: the active toolchain's own target if it is there or rustup can add it,
//! else Debian's compiler, which carries the standard library's source and builds it on the way.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::packages;
use crate::shared_target;
use crate::shell::{Run, on_path, program, say};
use crate::workspace;

/// The target of everything that runs in a browser.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Long enough to fetch a standard library over a slow line; a server that is not there may never answer.
const FETCH_LIMIT: Duration = Duration::from_secs(300);

const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";

/// How to build for wasm32-unknown-unknown.
pub enum Toolchain {
    /// The active toolchain has the target's standard library.
    Active,
    /// Debian's `rustc-web` builds the standard library itself.
    Debian {
        /// The folder that holds `rust-lld`, unless it is on the PATH.
        linker: Option<PathBuf>,
    },
}

impl Toolchain {
    /// Finds a compiler, or gets one. `SOTTO_WASM_TOOLCHAIN` = `active` or `debian` picks instead of trying in turn.
    pub fn find() -> Result<Self> {
        let choice = env::var("SOTTO_WASM_TOOLCHAIN").unwrap_or_default();
        match choice.as_str() {
            "active" => active(),
            "debian" => debian(),
            "" => active().or_else(|no_active| {
                say(format_args!("{no_active:#}"));
                debian().with_context(|| {
                    format!(
                        "no compiler for {TARGET} ({no_active:#}). Install one of: rustup's target, with `rustup target add \
                         {TARGET}`; your distribution's Rust {TARGET} standard library; on Debian, `apt-get install {}`",
                        DEBIAN_PACKAGES.join(" ")
                    )
                })
            }),
            other => bail!("SOTTO_WASM_TOOLCHAIN is \"{other}\"; it can be \"active\" or \"debian\""),
        }
    }

    /// `cargo VERB --target wasm32-unknown-unknown`, in the checkout.
    pub fn cargo(&self, verb: &str) -> Result<Run> {
        let run = match self {
            Self::Active => plain_cargo().arg(verb),
            Self::Debian { linker } => {
                // Only rustup's own toolchain understands these, which `cargo run` set for xtask.
                let mut run = [
                    "CARGO",
                    "RUSTUP_TOOLCHAIN",
                    "LD_LIBRARY_PATH",
                    "RUSTC_WRAPPER",
                    "RUSTC_WORKSPACE_WRAPPER",
                ]
                .into_iter()
                .fold(program(DEBIAN_CARGO), Run::without_env)
                .env("RUSTC", DEBIAN_RUSTC)
                .env("RUSTC_BOOTSTRAP", "1"); // build-std is unstable
                if let Some(path) = linker.as_ref().and_then(|dir| path_with(dir)) {
                    run = run.env("PATH", path);
                }
                run.arg(verb).args(["-Z", "build-std=std,panic_abort"])
            }
        };
        let run = shared_target::claim()?.used_by(run.args(["--target", TARGET]).dir(workspace::root()));
        Ok(match remapped_registry() {
            Some(flags) => run.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags),
            None => run,
        })
    }

    /// Whether `cargo clippy` can check this target: Debian's clippy is another version than its `rustc-web`.
    pub fn has_clippy(&self) -> bool {
        matches!(self, Self::Active)
    }
}

/// The active toolchain's cargo, in the checkout, building into the shared target folder.
pub fn cargo() -> Result<Run> {
    Ok(shared_target::claim()?.used_by(plain_cargo()))
}

/// The active toolchain's cargo, in the checkout.
pub fn plain_cargo() -> Run {
    program(env::var_os("CARGO").unwrap_or_else(|| "cargo".into())).dir(workspace::root())
}

fn active() -> Result<Toolchain> {
    if !has_std() {
        if on_path("rustup").is_none() {
            bail!("the active Rust toolchain has no {TARGET}, and there is no rustup to add it");
        }
        say(format_args!("the active Rust toolchain has no {TARGET}: adding it with rustup"));
        program("rustup").args(["target", "add", TARGET]).limit(FETCH_LIMIT).stream()?;
        if !has_std() {
            bail!("rustup added {TARGET}, but rustc does not find its standard library");
        }
    }
    Ok(Toolchain::Active)
}

fn has_std() -> bool {
    let libdir = program("rustc").args(["--print", "target-libdir", "--target", TARGET]).ask();
    libdir.is_ok_and(|dir| {
        fs::read_dir(dir.trim()).is_ok_and(|entries| {
            entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
        })
    })
}

fn debian() -> Result<Toolchain> {
    if !packages::has_apt() {
        bail!("this is not Debian, whose rustc-web could build for {TARGET}");
    }
    packages::install(&format!("a compiler for {TARGET}"), &DEBIAN_PACKAGES)?;
    let source = sysroot(DEBIAN_RUSTC)?.join("lib/rustlib/src/rust/library/Cargo.lock");
    if !source.exists() {
        bail!("{DEBIAN_RUSTC} has no source of the standard library ({} is missing)", source.display());
    }
    Ok(Toolchain::Debian { linker: linker()? })
}

/// rustup's toolchains carry `rust-lld`; without one of them Debian's lld does.
fn linker() -> Result<Option<PathBuf>> {
    if on_path("rust-lld").is_some() {
        return Ok(None);
    }
    let bundled = || -> Result<PathBuf> {
        let host = program("rustc").arg("-vV").ask()?;
        let host =
            host.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc -vV names no host")?;
        Ok(sysroot("rustc")?.join("lib/rustlib").join(host).join("bin"))
    };
    if let Ok(dir) = bundled()
        && dir.join("rust-lld").is_file()
    {
        return Ok(Some(dir));
    }
    packages::install("a linker for wasm", &["lld"])?;
    let lld = on_path("lld").context("the package lld has no program lld")?;
    // lld looks at the name it is called by, and at `-flavor`, which rustc passes to a linker called rust-lld.
    let dir = workspace::cache().join("bin");
    fs::create_dir_all(&dir)
        .and_then(|()| link(&lld, &dir.join("rust-lld")))
        .context("naming Debian's lld rust-lld")?;
    Ok(Some(dir))
}

fn link(original: &Path, link: &Path) -> std::io::Result<()> {
    let _ = fs::remove_file(link); // of an earlier run
    #[cfg(unix)]
    return std::os::unix::fs::symlink(original, link);
    #[cfg(not(unix))]
    return fs::copy(original, link).map(drop);
}

fn sysroot(rustc: &str) -> Result<PathBuf> {
    Ok(PathBuf::from(
        program(rustc).without_env("LD_LIBRARY_PATH").args(["--print", "sysroot"]).ask()?.trim(),
    ))
}

fn path_with(dir: &Path) -> Option<std::ffi::OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths(env::split_paths(&path).chain([dir.to_path_buf()])).ok()
}

/// Panic messages name source files. Those of dependencies lie in the builder's home, which is nobody else's business.
fn remapped_registry() -> Option<String> {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))?
        .into_os_string()
        .into_string()
        .ok()?;
    // Cargo splits this variable at spaces.
    (!home.contains(char::is_whitespace)).then(|| format!("--remap-path-prefix={home}=cargo"))
}
