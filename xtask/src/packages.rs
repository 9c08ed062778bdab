//! System packages on Debian and its relatives.

use std::fs;
use std::io::{IsTerminal, stdin};

use anyhow::{Context, Result, bail};

use crate::shell::{self, Run, on_path, program, say};

/// Whether `apt-get` can be asked for packages here.
pub fn has_apt() -> bool {
    cfg!(target_os = "linux") && on_path("apt-get").is_some() && on_path("dpkg-query").is_some()
}

/// Whether this is Debian itself: Ubuntu has packages of the same names that only point to snaps.
pub fn is_debian() -> bool {
    has_apt()
        && fs::read_to_string("/etc/os-release")
            .is_ok_and(|text| text.lines().any(|line| line.trim_matches('"') == "ID=debian"))
}

/// Installs those of `packages` that are missing; `what_for` says to the reader what needs them.
pub fn install(what_for: &str, packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    say(format_args!("{what_for}: installing {}", missing.join(" ")));
    // --no-remove: a package that would push out one of the user's own is not worth it.
    let install = || -> Result<()> {
        apt()?
            .args(["install", "--yes", "--no-install-recommends", "--no-remove"])
            .args(&missing)
            .stream()
            .map(drop)
    };
    // The lists of packages may be absent (a fresh container) or old; asking for new ones takes a while, so only then.
    let installed = install().or_else(|_| apt()?.arg("update").stream().and_then(|_| install()));
    installed.with_context(|| format!("{what_for}: could not install {}", missing.join(" ")))
}

fn is_installed(package: &str) -> bool {
    program("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status}", package])
        .ask()
        .is_ok_and(|status| status == "installed")
}

/// `apt-get`, as root.
fn apt() -> Result<Run> {
    let is_root = program("id").arg("-u").ask().is_ok_and(|id| id.trim() == "0");
    let apt = if is_root {
        program("apt-get")
    } else if shell::on_path("sudo").is_some() {
        // Without a terminal nobody could type the password.
        let sudo =
            if stdin().is_terminal() { program("sudo") } else { program("sudo").arg("--non-interactive") };
        sudo.arg("DEBIAN_FRONTEND=noninteractive").arg("apt-get")
    } else {
        bail!("apt-get needs root, and there is no sudo")
    };
    Ok(apt.env("DEBIAN_FRONTEND", "noninteractive"))
}
