//! `cargo xtask size`: what a page downloads against its budget.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::build;
use crate::node;
use crate::workspace;

/// What of the package a page downloads that imports this.
struct Part {
    name: &'static str,
    /// The scripts it starts with: its entry and its worker.
    entries: &'static [&'static str],
    /// What is fetched beside the scripts.
    assets: &'static [&'static str],
    /// Of scripts and WebAssembly after `gzip -9`, of a model as it is: servers seldom compress it.
    budget_bytes: u64,
}

const PARTS: [Part; 3] = [
    Part {
        name: "sotto",
        entries: &["index.js", "worker.js"],
        // Or sotto_web_bg.wasm, which is smaller, where there is no relaxed SIMD.
        assets: &["sotto_web_relaxed_bg.wasm"],
        budget_bytes: 1_300_000,
    },
    Part {
        name: "sotto/pii, recognisers alone",
        entries: &["pii.js", "pii-worker.js"],
        assets: &["sotto_web_pii_bg.wasm"],
        budget_bytes: 650_000,
    },
    Part {
        name: "the model of sotto/pii",
        entries: &[],
        assets: &["pii-mini.gguf"],
        budget_bytes: 6_000_000,
    },
];

/// Prints [[file, bytes, gzipped bytes, [files it imports at once]], ...] of a folder. Node's zlib gives up to 2 % more than
/// gzip itself. What is imported only on demand is not followed.
const MEASURE: &str = r#"
    import { readdirSync, readFileSync } from "node:fs";
    import { join } from "node:path";
    import { gzipSync } from "node:zlib";
    const folder = process.argv[1];
    const files = readdirSync(folder).filter((file) => /\.(js|wasm|gguf)$/.test(file)).sort();
    const sizes = files.map((file) => {
        const bytes = readFileSync(join(folder, file));
        const script = file.endsWith(".js") ? bytes.toString() : "";
        const imports = Array.from(script.matchAll(/(?:from|import)"\.\/([^"]+)"/g), (match) => match[1]);
        return [file, bytes.length, gzipSync(bytes, { level: 9 }).length, imports];
    });
    console.log(JSON.stringify(sizes));
"#;

/// A file of the package.
type File = (String, u64, u64, Vec<String>);

/// Builds the package and prints what each of its parts downloads; fails when one is over its budget.
pub fn size() -> Result<ExitCode> {
    build::package(&build::set_up()?)?;
    print_sizes()?;
    Ok(ExitCode::SUCCESS)
}

/// Prints what each part of the built package downloads; an error when one is over its budget.
pub fn print_sizes() -> Result<()> {
    let files = measure(&workspace::root().join("npm/dist"))?;
    let mut over = Vec::new();
    for part in &PARTS {
        println!("{:<40} {:>12} {:>12}", part.name, "bytes", "gzip -9");
        let of_part = files_of(part, &files);
        for (file, bytes, gzipped, _) in &of_part {
            println!("  {file:<38} {bytes:>12} {gzipped:>12}");
        }
        let total = |of: fn(&File) -> u64| of_part.iter().map(|file| of(file)).sum::<u64>();
        let gzipped = total(|file| file.2);
        println!("  {:<38} {:>12} {gzipped:>12}", "total", total(|file| file.1));
        let counted = total(downloaded);
        println!("  {:<38} {:>12} {:>12}", "budget", "", part.budget_bytes);
        if counted > part.budget_bytes {
            over.push(format!("{} is {} bytes over its budget", part.name, counted - part.budget_bytes));
        }
    }
    if over.is_empty() { Ok(()) } else { bail!("{}", over.join("; ")) }
}

/// Bytes that a file takes on the wire.
fn downloaded((name, bytes, gzipped, _): &File) -> u64 {
    if name.ends_with(".gguf") { *bytes } else { *gzipped }
}

/// The files of a part: its entries, what they import, and its assets.
fn files_of<'f>(part: &Part, files: &'f [File]) -> Vec<&'f File> {
    let find = |name: &str| files.iter().find(|file| file.0 == name);
    let mut found: Vec<&File> = part.entries.iter().filter_map(|name| find(name)).collect();
    let mut next = 0;
    while let Some(file) = found.get(next).copied() {
        for imported in file.3.iter().filter_map(|name| find(name)) {
            if !found.iter().any(|known| known.0 == imported.0) {
                found.push(imported);
            }
        }
        next += 1;
    }
    found.extend(part.assets.iter().filter_map(|name| find(name)));
    found
}

/// The scripts, modules and models of a folder.
fn measure(folder: &Path) -> Result<Vec<File>> {
    let json = node::node().args(["--input-type=module", "--eval", MEASURE]).arg(folder).ask()?;
    let files: Vec<File> = serde_json::from_str(&json).context("node printed no sizes")?;
    let needed = PARTS.iter().flat_map(|part| part.entries.iter().chain(part.assets));
    if let Some(missing) = needed.into_iter().find(|name| !files.iter().any(|file| file.0 == **name)) {
        bail!("{} holds no {missing}: was it built?", folder.display());
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_what_its_entries_import() {
        let file = |name: &str, imports: &[&str]| {
            (name.to_owned(), 1, 1, imports.iter().map(|import| (*import).to_owned()).collect())
        };
        let files = [
            file("a.js", &["shared.js"]),
            file("b.js", &["shared.js"]),
            file("other.js", &[]),
            file("shared.js", &["a.js", "deep.js"]),
            file("deep.js", &[]),
            file("x.wasm", &[]),
        ];
        let part = Part { name: "a", entries: &["a.js"], assets: &["x.wasm"], budget_bytes: 0 };
        let names: Vec<&str> = files_of(&part, &files).iter().map(|file| file.0.as_str()).collect();
        assert_eq!(names, ["a.js", "shared.js", "deep.js", "x.wasm"]);
    }
}
