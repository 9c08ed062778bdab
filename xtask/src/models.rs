//! `cargo xtask models`: runs the conformance tests and writes `docs/models.md` from what they say they checked.
//!
//! A suite is a test target whose tests call `record` of `tests/conformance/report.rs`. To add one, name it in [`SUITES`].

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::toolchain;
use crate::{browser, workspace};

/// The test targets that tell what they check.
const SUITES: &[&str] = &["architectures", "block_types", "encoder_models", "encoder_folders", "folders"];

/// Runs the suites, or with `filter` those of their tests whose names hold it. The page is written when all were run.
pub fn models(filter: Option<&str>) -> Result<ExitCode> {
    browser::vulkan_driver();
    let folder = workspace::scratch().join("models");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    // Of the whole workspace, so that what `cargo xtask test` built is of use.
    toolchain::cargo()?
        .args(["test", "--workspace", "--exclude", "xtask"])
        .args(SUITES.iter().flat_map(|suite| ["--test", suite]))
        .arg("--")
        .args(filter)
        .env("SOTTO_MODELS_REPORT", &folder)
        .stream()?;
    let checks = read(&folder)?;
    if checks.is_empty() {
        bail!("no test has a name with \"{}\" in it", filter.unwrap_or_default());
    }
    let table = table(&checks)?;
    if filter.is_some() {
        print!("{table}");
        return Ok(ExitCode::SUCCESS);
    }
    let page = workspace::root().join("docs/models.md");
    fs::create_dir_all(workspace::root().join("docs"))?;
    fs::write(&page, format!("{HEAD}\n{table}")).with_context(|| page.display().to_string())?;
    println!("{}", page.display());
    Ok(ExitCode::SUCCESS)
}

const HEAD: &str = "\
# What runs, and how that is known

This page is written by `cargo xtask models` from what its tests checked; `cargo xtask models NAME` runs those whose names
hold NAME. Each model is a tiny one with random weights, made by a script beside it with the code its authors use, and
checked at every position of a prompt longer than its attention windows, on each backend.

The numbers are the largest difference of a logit (or of an embedding's element) from the reference, as a fraction of the
largest one, rounded to one digit. The bound is 2e-3 in f32 (`gpu` and `interpreter` here), and 2e-2 where keys and values are
half floats (`cpu`), with the same top-1 wherever the two largest are further apart than that.
";

type Row = (String, String, String, String);

fn read(folder: &Path) -> Result<Vec<Value>> {
    let mut checks = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        for line in text.lines() {
            checks.push(serde_json::from_str(line).with_context(|| path.display().to_string())?);
        }
    }
    Ok(checks)
}

/// A row for each model, architecture, format and reference, with a column for each backend.
fn table(checks: &[Value]) -> Result<String> {
    let mut rows: BTreeMap<Row, BTreeMap<String, f64>> = BTreeMap::new();
    for check in checks {
        let text =
            |key: &str| check[key].as_str().map(str::to_owned).context(format!("a check without {key}"));
        let row = (text("model")?, text("architecture")?, text("format")?, text("reference")?);
        let error = check["error"].as_f64().context("a check without its error")?;
        let worst = rows.entry(row).or_default().entry(text("backend")?).or_default();
        *worst = worst.max(error);
    }
    let backends: std::collections::BTreeSet<&String> = rows.values().flat_map(BTreeMap::keys).collect();
    let mut table = String::from("| model | architecture | format | checked against |");
    backends.iter().for_each(|backend| table += &format!(" {backend} |"));
    table += "\n|---|---|---|---|";
    backends.iter().for_each(|_| table += "---|");
    table.push('\n');
    for ((model, architecture, format, reference), errors) in &rows {
        write!(table, "| {model} | `{architecture}` | {format} | {reference} |")?;
        for backend in &backends {
            let error = errors.get(*backend).map_or("-".to_owned(), |error| format!("{error:.0e}"));
            write!(table, " {error} |")?;
        }
        table.push('\n');
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_has_the_worst_error_of_each_backend() {
        let check = |backend: &str, error: f64| json!({ "model": "M", "architecture": "m", "format": "GGUF", "reference": "R", "backend": backend, "error": error });
        let checks = [check("gpu", 1e-6), check("cpu", 2e-7), check("gpu", 3.4e-5)];
        assert_eq!(
            table(&checks).unwrap(),
            "| model | architecture | format | checked against | cpu | gpu |\n|---|---|---|---|---|---|\n\
             | M | `m` | GGUF | R | 2e-7 | 3e-5 |\n"
        );
        assert!(table(&[json!({ "model": "M" })]).is_err());
    }
}
