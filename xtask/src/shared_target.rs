//! One target folder for all checkouts, so that a fresh clone finds its dependencies built. Cargo gives the packages of
//! two checkouts of one workspace the same names in there, and tells whether they changed by their files' times alone:
//! one checkout's work would pass for the other's. So the folder has one owner at a time, and when another checkout
//! takes over, Cargo must forget that the workspace's own packages were ever built.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

use crate::shell::{Run, say};
use crate::workspace;

/// What the names of the workspace's own packages start with, and no dependency's.
const OWN: &str = "sotto-";

/// The lock that this process holds.
static HELD: Mutex<Option<File>> = Mutex::new(None);

/// The target folder, claimed for this checkout.
pub struct Claim(PathBuf);

impl Claim {
    /// Makes a cargo command build there.
    pub fn used_by(self, cargo: Run) -> Run {
        cargo.env("CARGO_TARGET_DIR", self.0)
    }
}

/// Makes the target folder this checkout's own until `release` or the end of the process, since tests run from it too;
/// waits while another process holds it.
pub fn claim() -> Result<Claim> {
    let target = workspace::target();
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    if held.is_none() {
        let lock = claim_for(&workspace::root(), &target);
        *held = Some(lock.with_context(|| format!("cannot use {} as target folder", target.display()))?);
    }
    Ok(Claim(target))
}

/// Lets other checkouts build.
pub fn release() {
    *HELD.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

fn claim_for(checkout: &Path, target: &Path) -> io::Result<File> {
    fs::create_dir_all(target)?;
    let lock = File::create(target.join("xtask.lock"))?;
    if lock.try_lock().is_err() {
        let target = target.display();
        say(format_args!(
            "waiting for another build in {target}; with another SOTTO_CACHE_DIR both can run at once"
        ));
        lock.lock()?;
    }
    let owner = target.join("xtask.owner");
    let me = checkout.to_string_lossy();
    if fs::read_to_string(&owner).ok().as_deref() != Some(&*me) {
        for profile in subfolders(target)? {
            forget_own_packages(&profile)?;
            // TARGET/TRIPLE/PROFILE as well as TARGET/PROFILE.
            subfolders(&profile)?.iter().try_for_each(|profile| forget_own_packages(profile))?;
        }
        fs::write(&owner, me.as_bytes())?;
    }
    Ok(lock)
}

fn forget_own_packages(profile: &Path) -> io::Result<()> {
    let fingerprints = profile.join(".fingerprint");
    if !fingerprints.is_dir() {
        return Ok(());
    }
    for package in subfolders(&fingerprints)? {
        if package.file_name().is_some_and(|name| name.to_string_lossy().starts_with(OWN)) {
            fs::remove_dir_all(package)?;
        }
    }
    Ok(())
}

fn subfolders(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.is_dir()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_checkout_forgets_the_workspace_and_keeps_the_dependencies() {
        let target = std::env::temp_dir().join(format!("sotto-xtask-claim-{}", std::process::id()));
        let _ = fs::remove_dir_all(&target);
        let profiles =
            ["debug", "wasm32-unknown-unknown/web"].map(|profile| target.join(profile).join(".fingerprint"));
        let build = || {
            for profile in &profiles {
                fs::create_dir_all(profile.join("serde-0123")).unwrap();
                fs::create_dir_all(profile.join("sotto-text-0123")).unwrap();
            }
        };
        let left = |package: &str| profiles.iter().filter(|profile| profile.join(package).exists()).count();
        let claim = |checkout: &str| drop(claim_for(Path::new(checkout), &target).unwrap());
        claim("/a");
        build();
        claim("/a");
        assert_eq!((left("serde-0123"), left("sotto-text-0123")), (2, 2));
        claim("/b");
        assert_eq!((left("serde-0123"), left("sotto-text-0123")), (2, 0));
        build();
        claim("/a");
        assert_eq!((left("serde-0123"), left("sotto-text-0123")), (2, 0));
        fs::remove_dir_all(&target).unwrap();
    }
}
