//! The licence texts in the npm tarball: ours, and those of all that is compiled or bundled into it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::node;
use crate::toolchain::{TARGET, plain_cargo};
use crate::wasm;
use crate::workspace;

const OURS: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];
const THIRD_PARTY: &str = "THIRD-PARTY-LICENSES.txt";

/// What `write` leaves in npm/, and npm/package.json names.
pub const FILES: [&str; 3] = [OURS[0], OURS[1], THIRD_PARTY];

/// What licence files are called, in upper case.
const NAMES: [&str; 6] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];

/// Something of others that the package holds.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Component {
    name: String,
    version: String,
    /// An SPDX expression.
    licence: String,
    home: String,
    /// The licence files it brings.
    texts: Vec<String>,
}

/// Writes [`FILES`] into npm/. The package must be built.
pub fn write() -> Result<()> {
    let npm = workspace::root().join("npm");
    for name in OURS {
        fs::copy(workspace::root().join(name), npm.join(name))
            .with_context(|| format!("cannot copy {name} into {}", npm.display()))?;
    }
    let mut components = crates()?;
    components.extend(bundled(&npm.join("dist"))?);
    components.push(standard_library());
    components.sort();
    let path = npm.join(THIRD_PARTY);
    fs::write(&path, notice(&components)?).with_context(|| format!("cannot write {}", path.display()))
}

/// The crates that the wasm modules are compiled from, less our own and those that run only while compiling.
fn crates() -> Result<Vec<Component>> {
    let tree = plain_cargo()
        .args(["tree", "--locked", "--target", TARGET, "--edges", "normal,no-proc-macro", "--prefix", "none"])
        .args(wasm::PACKAGES.map(|package| format!("--package={package}")))
        .args(["--format", "{p}"])
        .ask()?;
    let compiled = in_tree(&tree);
    let metadata = plain_cargo()
        .args(["metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET])
        .ask()?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata printed no JSON")?;
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    packages
        .iter()
        .filter(|package| !package["source"].is_null())
        .filter(|package| {
            compiled.contains(&(text(package, "name").to_owned(), text(package, "version").to_owned()))
        })
        .map(|package| component(package, Path::new(text(package, "manifest_path"))))
        .collect()
}

/// Names and versions in the output of `cargo tree --prefix none --format {p}`: lines such as `log v0.4.29 (*)`.
fn in_tree(tree: &str) -> BTreeSet<(String, String)> {
    tree.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
        })
        .collect()
}

/// The npm packages whose code is in the JavaScript, by its source maps.
fn bundled(dist: &Path) -> Result<Vec<Component>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(dist).with_context(|| format!("cannot read {}", dist.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "map") {
            let map: Value = serde_json::from_str(&fs::read_to_string(&path)?)
                .with_context(|| format!("{} is not JSON", path.display()))?;
            let sources = map["sources"].as_array().into_iter().flatten();
            names.extend(sources.filter_map(Value::as_str).filter_map(package_of));
        }
    }
    names
        .iter()
        .map(|name| {
            let manifest = node::package(name)?.0.join("package.json");
            let package: Value = serde_json::from_str(&fs::read_to_string(&manifest)?)
                .with_context(|| format!("{} is not JSON", manifest.display()))?;
            component(&package, &manifest)
        })
        .collect()
}

/// `../../node_modules/@scope/name/index.js` to `@scope/name`.
fn package_of(source: &str) -> Option<String> {
    let (_, inside) = source.rsplit_once("node_modules/")?;
    let parts = if inside.starts_with('@') { 2 } else { 1 };
    Some(inside.split('/').take(parts).collect::<Vec<_>>().join("/"))
}

/// What a package says of itself, in the fields that Cargo's metadata and npm's package.json share.
fn component(package: &Value, manifest: &Path) -> Result<Component> {
    let home = package["repository"].as_str().or_else(|| package["repository"]["url"].as_str());
    Ok(Component {
        name: text(package, "name").to_owned(),
        version: text(package, "version").to_owned(),
        licence: text(package, "license").to_owned(),
        home: home.unwrap_or_default().to_owned(),
        texts: licence_files(manifest.parent().context("a manifest lies in a folder")?)?,
    })
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}

fn licence_files(folder: &Path) -> Result<Vec<String>> {
    let mut paths = fs::read_dir(folder)
        .and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()
        })
        .with_context(|| format!("cannot read {}", folder.display()))?;
    paths.sort();
    paths
        .iter()
        .filter(|path| path.is_file())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
            NAMES.iter().any(|start| name.starts_with(start))
        })
        .map(|path| fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display())))
        .collect()
}

/// Rust's own library, which every wasm module holds a part of.
fn standard_library() -> Component {
    Component {
        name: "The Rust standard library".to_owned(),
        version: String::new(),
        licence: "MIT OR Apache-2.0".to_owned(),
        home: "https://github.com/rust-lang/rust".to_owned(),
        texts: Vec::new(),
    }
}

/// The list of components, then each licence text once, with those it comes from.
fn notice(components: &[Component]) -> Result<String> {
    let mut list = String::from(
        "This package holds code of others, compiled or bundled into it. It stands under the licences below; \
         each text names whose it is.\n\n",
    );
    // Copies of a text differ in how their lines are broken.
    let mut texts: BTreeMap<String, (&str, Vec<String>)> = BTreeMap::new();
    for component in components {
        let Component { name, version, licence, home, .. } = component;
        let title = format!("{name} {version}").trim_end().to_owned();
        let without = if component.texts.is_empty() { ". It brings no text; see LICENSE-APACHE" } else { "" };
        if component.texts.is_empty() && !licence.contains("Apache-2.0") {
            bail!("{title} ({licence}) brings no licence text that the package could carry");
        }
        list.push_str(&format!("{title}: {licence}, {home}{without}\n"));
        for text in &component.texts {
            let key = text.split_whitespace().collect::<Vec<_>>().join(" ");
            texts.entry(key).or_insert_with(|| (text, Vec::new())).1.push(title.clone());
        }
    }
    for (text, whose) in texts.values() {
        list.push_str(&format!("\n{}\n{}\n\n{}\n", "=".repeat(80), whose.join(", "), text.trim_end()));
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(name: &str, licence: &str, texts: &[&str]) -> Component {
        Component {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            licence: licence.to_owned(),
            home: format!("https://{name}.example"),
            texts: texts.iter().map(|&text| text.to_owned()).collect(),
        }
    }

    #[test]
    fn a_text_stands_once_under_all_it_comes_from() {
        let both = [
            component("a", "MIT", &["Permission is\nhereby granted"]),
            component("b", "ISC", &["Permission is hereby\ngranted\n", "Another"]),
        ];
        let notice = notice(&both).unwrap();
        assert!(notice.contains("a 1.0.0: MIT, https://a.example\nb 1.0.0: ISC, https://b.example\n"));
        assert!(notice.contains("\na 1.0.0, b 1.0.0\n\nPermission is\nhereby granted\n"));
        assert!(notice.contains("\nb 1.0.0\n\nAnother\n"));
        assert_eq!(notice.matches("Permission").count(), 1);
    }

    #[test]
    fn what_brings_no_text_must_be_under_one_that_is_there() {
        let notice = |licence| notice(&[component("a", licence, &[])]);
        assert!(notice("MIT OR Apache-2.0").unwrap().contains("see LICENSE-APACHE"));
        assert!(notice("MIT").unwrap_err().to_string().contains("a 1.0.0 (MIT)"));
    }

    #[test]
    fn crates_of_a_tree() {
        let tree = "sotto-web v0.1.0 (/work/crates/web)\nlog v0.4.29\nlog v0.4.29 (*)\n\n";
        let expected = [("log", "0.4.29"), ("sotto-web", "0.1.0")];
        assert!(in_tree(tree).iter().map(|(name, version)| (name.as_str(), version.as_str())).eq(expected));
    }

    #[test]
    fn packages_of_sources() {
        let found = ["../../node_modules/idb/build/index.js", "../node_modules/@a/b/c.js", "../src/index.ts"]
            .map(package_of);
        assert_eq!(found, [Some("idb".to_owned()), Some("@a/b".to_owned()), None]);
    }
}
