//! Work that need not be done again: a stamp remembers a fingerprint of what went into a step, and the step runs only
//! when the fingerprint changed or an output is gone. Contents are compared, not times, since git sets times anew.

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace;

/// Folders that hold results or other people's code, never inputs.
const NOT_INPUTS: [&str; 6] =
    ["node_modules", "target", ".git", "__pycache__", "test-results", "playwright-report"];

/// What went into a step, hashed.
#[derive(Default)]
pub struct Inputs(DefaultHasher);

impl Inputs {
    /// Adds a value, such as a version or an option.
    pub fn value(self, value: &str) -> Self {
        self.bytes(value.as_bytes())
    }

    /// Adds bytes.
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.hash(bytes);
        self
    }

    /// Adds a file, or every file under a folder but those in a folder named `except`. A path that does not exist counts as such.
    pub fn path(mut self, path: &Path, except: &[&str]) -> Result<Self> {
        self.add(path, except).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(self)
    }

    fn add(&mut self, path: &Path, except: &[&str]) -> io::Result<()> {
        self.hash(path.to_string_lossy().as_bytes());
        if path.is_dir() {
            let mut entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
            entries.sort_by_key(fs::DirEntry::file_name);
            for entry in entries {
                let name = entry.file_name();
                if !NOT_INPUTS.iter().chain(except).any(|skip| name.to_str() == Some(skip)) {
                    self.add(&entry.path(), except)?;
                }
            }
        } else if path.exists() {
            self.hash(&fs::read(path)?);
        }
        Ok(())
    }

    fn hash(&mut self, bytes: &[u8]) {
        // Lengths keep neighbours apart: "ab" + "c" is not "a" + "bc".
        self.0.write_u64(bytes.len() as u64);
        self.0.write(bytes);
    }

    /// The fingerprint, in hexadecimal.
    pub fn fingerprint(&self) -> String {
        format!("{:016x}", self.0.finish())
    }
}

/// Runs `step` unless its stamp says that nothing changed and all outputs stand. Returns whether it ran.
pub fn unless_done(
    name: &str,
    inputs: &Inputs,
    outputs: &[PathBuf],
    step: impl FnOnce() -> Result<()>,
) -> Result<bool> {
    unless_done_in(&workspace::scratch(), name, inputs, outputs, step)
}

fn unless_done_in(
    folder: &Path,
    name: &str,
    inputs: &Inputs,
    outputs: &[PathBuf],
    step: impl FnOnce() -> Result<()>,
) -> Result<bool> {
    let stamp = folder.join(format!("{name}.stamp"));
    let fingerprint = inputs.fingerprint();
    let same = fs::read_to_string(&stamp).is_ok_and(|old| old == fingerprint);
    if same && outputs.iter().all(|output| output.exists()) {
        return Ok(false);
    }
    // A step that fails half-way must not look done.
    let _ = fs::remove_file(&stamp);
    step()?;
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&stamp, fingerprint))
        .with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of this test's own, empty.
    fn folder(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("sotto-xtask-stamp-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn a_step_runs_once_until_an_input_or_an_output_changes() {
        let dir = folder("once");
        let (input, output) = (dir.join("in"), dir.join("out"));
        fs::write(&input, "1").unwrap();
        let run = || {
            let inputs = Inputs::default().path(&input, &[]).unwrap();
            unless_done_in(&dir, "step", &inputs, std::slice::from_ref(&output), || {
                Ok(fs::write(&output, "")?)
            })
            .unwrap()
        };
        assert_eq!([run(), run()], [true, false]);
        fs::write(&input, "2").unwrap();
        assert_eq!([run(), run()], [true, false]);
        fs::remove_file(&output).unwrap();
        assert_eq!([run(), run()], [true, false]);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_failed_step_is_not_done() {
        let dir = folder("failed");
        let inputs = Inputs::default().value("x");
        assert!(unless_done_in(&dir, "step", &inputs, &[], || anyhow::bail!("no")).is_err());
        assert!(unless_done_in(&dir, "step", &inputs, &[], || Ok(())).unwrap());
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn excepted_folders_do_not_count_and_new_files_do() {
        let dir = folder("tree");
        let print = || Inputs::default().path(&dir, &["dist"]).unwrap().fingerprint();
        let empty = print();
        for skipped in ["dist", "node_modules"] {
            fs::create_dir(dir.join(skipped)).unwrap();
            fs::write(dir.join(skipped).join("a"), "a").unwrap();
        }
        assert_eq!(print(), empty);
        fs::write(dir.join("a"), "").unwrap();
        let with_file = print();
        assert_ne!(with_file, empty);
        fs::rename(dir.join("a"), dir.join("b")).unwrap();
        assert_ne!(print(), with_file);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn values_do_not_run_together() {
        let print = |a: &str, b: &str| Inputs::default().value(a).value(b).fingerprint();
        assert_ne!(print("ab", "c"), print("a", "bc"));
    }
}
