//! Measured variants of kernels, kept in a file of the user's cache by GPU and driver. `SOTTO_TUNING=off` does without: the
//! table decides then.

use std::path::PathBuf;
use std::{env, fs};

use serde_json::{Map, Value};
use sotto_engine::{DeviceFacts, Tuning, TuningChoice, TuningMemory};

/// Counts up when the kernels change so that older measurements say nothing, as in `npm/src/tuning.ts`.
const KERNELS: u32 = 2;

/// The variants that an earlier run measured on the GPU, or a measurement that the next run remembers.
pub fn remembered_tuning() -> TuningChoice {
    match env::var("SOTTO_TUNING") {
        Ok(value) if value == "off" => TuningChoice::Table,
        _ => TuningChoice::Measure(TuningMemory { recall, keep }),
    }
}

fn recall(facts: &DeviceFacts) -> Option<Tuning> {
    read()?.get(&key(facts))?.as_str()?.parse().ok()
}

/// A file that cannot be written costs the next run another measurement, and nothing else.
fn keep(facts: &DeviceFacts, tuning: Tuning) {
    let mut known = read().unwrap_or_default();
    known.insert(key(facts), Value::String(tuning.to_string()));
    let Some(path) = path() else { return };
    if let Some(folder) = path.parent() {
        let _ = fs::create_dir_all(folder);
    }
    let _ = fs::write(path, format!("{:#}\n", Value::Object(known)));
}

fn read() -> Option<Map<String, Value>> {
    let text = fs::read_to_string(path()?).ok()?;
    serde_json::from_str(&text).ok()
}

/// Another driver may compile otherwise, and another version has other kernels.
fn key(facts: &DeviceFacts) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!("{}, {} ({}), {version} {KERNELS}", facts.name, facts.driver, facts.backend)
}

fn path() -> Option<PathBuf> {
    let folder = |name| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let home = || folder("HOME").map(|home| home.join(".cache"));
    let cache = folder("XDG_CACHE_HOME").or_else(|| folder("LOCALAPPDATA")).or_else(home)?;
    Some(cache.join("sotto").join("tuning.json"))
}
