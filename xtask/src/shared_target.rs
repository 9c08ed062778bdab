//! One target folder for all checkouts, safely. Cargo tells most of their artifacts apart by a hash in the file name,
//! but not those of a package that is a `cdylib`, where the other checkout's file would pass for ours. So the folder
//! remembers which checkout built last, and those files go when another one takes over.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use anyhow::{Context, Result};

use crate::shell::say;
use crate::workspace;

/// The library name of the one package that is a `cdylib`.
const UNHASHED: &str = "sotto_web";

/// Makes the target folder this checkout's own for as long as the result lives; waits while another build holds it.
pub fn claim() -> Result<File> {
    let target = workspace::target();
    claim_for(&workspace::root(), &target)
        .with_context(|| format!("cannot use {} as target folder", target.display()))
}

fn claim_for(checkout: &Path, target: &Path) -> io::Result<File> {
    fs::create_dir_all(target)?;
    let lock = File::create(target.join("xtask.lock"))?;
    if lock.try_lock().is_err() {
        say(format_args!("waiting for another build in {}", target.display()));
        lock.lock()?;
    }
    let owner = target.join("xtask.owner");
    let me = checkout.to_string_lossy();
    if fs::read_to_string(&owner).is_ok_and(|last| last != me) {
        remove_unhashed(target)?;
    }
    fs::write(&owner, me.as_bytes())?;
    Ok(lock)
}

/// Removes `deps/*sotto_web.*` of every profile and target.
fn remove_unhashed(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !path.is_dir() || ["build", "incremental", ".fingerprint"].contains(&name.as_str()) {
            continue;
        }
        if name != "deps" {
            remove_unhashed(&path)?;
            continue;
        }
        for file in fs::read_dir(&path)? {
            let file = file?.path();
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if stem.strip_prefix("lib").unwrap_or(&stem) == UNHASHED {
                fs::remove_file(&file)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_checkout_removes_only_what_it_would_take_for_its_own() {
        let target = std::env::temp_dir().join(format!("sotto-xtask-claim-{}", std::process::id()));
        let deps = target.join("wasm32-unknown-unknown/web/deps");
        let _ = fs::remove_dir_all(&target);
        fs::create_dir_all(&deps).unwrap();
        let names = ["libsotto_web.rlib", "sotto_web.wasm", "libsotto_text-0123.rlib", "sotto_web-0123.wasm"];
        let write = || names.iter().for_each(|name| fs::write(deps.join(name), "").unwrap());
        let left = || names.iter().filter(|name| deps.join(name).exists()).count();
        let claim = |checkout: &str| drop(claim_for(Path::new(checkout), &target).unwrap());
        write();
        claim("/a");
        claim("/a");
        assert_eq!(left(), 4);
        claim("/b");
        assert_eq!(left(), 2);
        write();
        claim("/a");
        assert_eq!(left(), 2);
        fs::remove_dir_all(&target).unwrap();
    }
}
