//! `cargo xtask test`: every check and test there is, in groups. A failure does not stop what does not depend on it.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use clap::ValueEnum;

use crate::browser;
use crate::build;
use crate::demo;
use crate::node::npm;
use crate::package;
use crate::shell::say;
use crate::size;
use crate::toolchain::{TARGET, Toolchain, cargo, plain_cargo};
use crate::wasm;
use crate::wasm_test;
use crate::workspace;

/// Names the folder of shaders to those who write and who read them.
const SHADERS: &str = "SOTTO_WGSL";

/// A part of the tests.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Group {
    /// Formatting, clippy, TypeScript's type check and lint
    Lint,
    /// The Rust crates, natively; kernels on Vulkan
    Rust,
    /// crates/web in a headless browser
    Web,
    /// The npm package
    Npm,
    /// The package and the demo in a headless browser
    E2e,
}

/// Runs the groups (all when none is named) and prints a table; fails when a step did.
pub fn test(groups: &[Group], slow: bool) -> Result<ExitCode> {
    let wanted = |group| groups.is_empty() || groups.contains(&group);
    let mut session = Session { slow, ..Session::default() };
    if wanted(Group::Lint) {
        session.lint();
    }
    if wanted(Group::Rust) {
        session.rust();
    }
    if wanted(Group::Web) {
        session.web();
    }
    if wanted(Group::Npm) {
        session.npm();
    }
    if wanted(Group::E2e) {
        session.demo();
        session.e2e();
    }
    Ok(session.summary())
}

#[derive(Default)]
struct Session {
    slow: bool,
    /// Where the kernels' tests left what browsers are to compile; None where they did not run.
    shaders: Option<PathBuf>,
    steps: Vec<Step>,
    /// What `set_up` and `built` gave; None until the first step that needs them.
    toolchain: Option<Result<Toolchain, String>>,
    built: Option<Result<(), String>>,
}

struct Step {
    name: &'static str,
    took: Duration,
    /// The runners' closing lines, or why the step failed.
    result: Result<Vec<String>, String>,
}

impl Session {
    fn lint(&mut self) {
        self.step("cargo fmt", |_| plain_cargo().args(["fmt", "--all", "--check"]).stream());
        self.step("cargo clippy", |_| {
            cargo()?.args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).stream()
        });
        self.step("cargo clippy, wasm", |session| {
            let toolchain = session.set_up()?;
            if !toolchain.has_clippy() {
                say(format_args!("there is no clippy for {TARGET} here: skipped"));
                return Ok(Vec::new());
            }
            toolchain
                .cargo("clippy")?
                .args(wasm::PACKAGES.map(|package| format!("--package={package}")))
                .args(["--all-targets", "--", "-D", "warnings"])
                .stream()
        });
        self.step("typecheck", |session| {
            session.built()?; // the bindings' types
            npm().args(["run", "typecheck"]).stream()
        });
        self.step("lint", |session| {
            session.built()?;
            npm().args(["run", "lint"]).stream()
        });
    }

    fn rust(&mut self) {
        self.step("cargo test", |session| {
            browser::vulkan_driver();
            let shaders = emptied(workspace::scratch().join("wgsl"))?;
            let tests = ["test", "--workspace", "--exclude", "xtask", "--no-fail-fast"];
            let run = cargo()?.args(tests).env(SHADERS, &shaders);
            session.shaders = Some(shaders);
            run.stream()
        });
        // As the `xtask` alias has built all but the tests themselves.
        self.step("cargo test, xtask", |_| {
            plain_cargo().args(["test", "--profile", "xtask", "--package", "xtask"]).stream()
        });
        if self.slow {
            self.step("cargo test, slow", |_| {
                let tests = ["test", "--workspace", "--exclude", "xtask", "--tests", "--no-fail-fast"];
                cargo()?.args(tests).args(["--", "--ignored"]).stream()
            });
        }
    }

    fn web(&mut self) {
        self.step("wasm tests", |session| wasm_test::run(session.set_up()?));
    }

    fn npm(&mut self) {
        self.step("npm test", |session| {
            session.built()?;
            npm().arg("test").stream()
        });
        self.step("npm package", |session| {
            session.built()?;
            package::pack()?;
            npm().args(["run", "check:package", "--workspace", "npm"]).stream()
        });
        self.step("size", |session| {
            session.built()?;
            size::print_sizes()?;
            Ok(vec!["1 passed: what a page downloads is within its budgets".to_owned()])
        });
    }

    fn e2e(&mut self) {
        self.step("end to end", |session| {
            let chrome = browser::find()?;
            session.built()?;
            let mut run = npm().args(["test", "--workspace", "tests/e2e"]).env("CHROME_PATH", chrome);
            if let Some(shaders) = &session.shaders {
                run = run.env(SHADERS, shaders);
            }
            if let Some(firefox) = browser::firefox() {
                run = run.env("FIREFOX_PATH", firefox);
            }
            if std::env::var_os("SOTTO_BIG_MODEL").is_some() {
                return run.stream();
            }
            run.env("SOTTO_BIG_MODEL", big_model(session.slow)?).stream()
        });
    }

    /// The demo as a visitor's browser shows it, whose text must be the reference implementation's.
    fn demo(&mut self) {
        self.step("demo --check", |session| {
            session.built()?;
            let written = demo::written_by_the_bundled_model()?;
            let model = workspace::root().join("tests/fixtures/models/stories260K");
            let expected = fs::read_to_string(model.join("ref_greedy_200.txt"))?;
            if written != expected {
                bail!("the demo wrote {} bytes that are not the {} expected", written.len(), expected.len());
            }
            Ok(vec!["1 passed: the demo's text is the reference".to_owned()])
        });
    }

    /// The toolchain, found once; a step of its own in the table.
    fn set_up(&mut self) -> Result<&Toolchain> {
        if self.toolchain.is_none() {
            let start = Instant::now();
            let found = build::set_up().map_err(|error| format!("{error:#}"));
            self.record("set-up", start, found.as_ref().map(|_| Vec::new()).map_err(Clone::clone));
            self.toolchain = Some(found);
        }
        match &self.toolchain {
            Some(Ok(toolchain)) => Ok(toolchain),
            _ => Err(anyhow!("set-up failed")),
        }
    }

    /// Wasm, package and demo, built once; a step of its own in the table.
    fn built(&mut self) -> Result<()> {
        if self.built.is_none() {
            self.set_up()?;
            let start = Instant::now();
            let built = match &self.toolchain {
                Some(Ok(toolchain)) => build::all(toolchain).map_err(|error| format!("{error:#}")),
                _ => Err("set-up failed".to_owned()),
            };
            self.record("build", start, built.clone().map(|()| Vec::new()));
            self.built = Some(built);
        }
        match &self.built {
            Some(Ok(())) => Ok(()),
            _ => Err(anyhow!("the build failed")),
        }
    }

    fn step(&mut self, name: &'static str, work: impl FnOnce(&mut Self) -> Result<Vec<String>>) {
        let start = Instant::now();
        let shared: Duration = self.steps.iter().map(|step| step.took).sum();
        let result = work(self);
        // What set-up and build took in here is in their own rows.
        let shared = self.steps.iter().map(|step| step.took).sum::<Duration>() - shared;
        let result = result.map(|lines| closing_lines(&lines)).map_err(|error| format!("{error:#}"));
        self.record(name, start + shared, result);
    }

    fn record(&mut self, name: &'static str, start: Instant, result: Result<Vec<String>, String>) {
        if result.is_err() {
            say(format_args!("{name} FAILED"));
        }
        self.steps.push(Step { name, took: start.elapsed(), result });
    }

    fn summary(&self) -> ExitCode {
        println!();
        for step in &self.steps {
            match &step.result {
                Ok(lines) => lines.iter().for_each(|line| println!("{}: {line}", step.name)),
                Err(error) => println!("{}: {error}", step.name),
            }
        }
        println!("\n{:<20} {:>8}  result", "step", "seconds");
        for step in &self.steps {
            let result = if step.result.is_ok() { "ok" } else { "FAILED" };
            println!("{:<20} {:>8.1}  {result}", step.name, step.took.as_secs_f64());
        }
        let failed = self.steps.iter().filter(|step| step.result.is_err()).count();
        let total = self.steps.iter().map(|step| step.took).sum::<Duration>();
        println!("{:<20} {:>8.1}  {} steps, {failed} failed", "total", total.as_secs_f64(), self.steps.len());
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// The folder without files of earlier runs.
fn emptied(folder: PathBuf) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// A model of random weights far larger than the memory that loading it may take, made once a checkout: 76 MB, or
/// 604 MB when tests may be slow.
fn big_model(slow: bool) -> Result<PathBuf> {
    let (shape, ty) = if slow { ("qwen3-0.6b", "Q8_0") } else { ("smollm2-135m", "Q4_0") };
    let folder = workspace::scratch().join("big-model").join(shape);
    let model = folder.join("model.gguf");
    // The manifest is written last, so with it the model is whole.
    if !folder.join("manifest.json").is_file() {
        fs::create_dir_all(&folder)?;
        cargo()?
            .args(["run", "--quiet", "--bin", "sotto", "--", "convert", &format!("random:{shape}")])
            .arg(&model)
            .args(["--quantize", ty])
            .stream()?;
    }
    Ok(model)
}

/// The lines with which test runners end: libtest and wasm-bindgen-test, node:test, Playwright.
fn closing_lines(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| without_colours(line).trim().to_owned()).filter(|line| is_closing(line)).collect()
}

fn is_closing(line: &str) -> bool {
    if line.starts_with("test result:") {
        // A crate without tests of some kind has nothing to say.
        return !line.contains(" 0 passed; 0 failed; 0 ignored");
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        ["ℹ" | "#", "tests" | "pass" | "fail" | "skipped", count] => count.parse::<u32>().is_ok(),
        [count, "passed" | "failed" | "flaky" | "skipped", ..] => count.parse::<u32>().is_ok(),
        _ => false,
    }
}

/// Drops the terminal's escape sequences for colours.
fn without_colours(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_the_runners() {
        let lines = [
            "   Compiling sotto v0.1.0",
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s",
            "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: \u{1b}[31mFAILED\u{1b}[0m. 1 passed; 1 failed; 0 ignored",
            "ℹ pass 3",
            "# fail 0",
            "# subtest something",
            "  7 passed (12.3s)",
            "three passed by",
        ]
        .map(str::to_owned);
        assert_eq!(
            closing_lines(&lines),
            [
                "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s",
                "test result: FAILED. 1 passed; 1 failed; 0 ignored",
                "ℹ pass 3",
                "# fail 0",
                "7 passed (12.3s)",
            ]
        );
    }

    #[test]
    fn a_failed_step_fails_the_whole_and_the_next_one_still_runs() {
        let mut session = Session::default();
        session.step("bad", |_| Err(anyhow!("no")));
        session.step("good", |_| Ok(vec!["test result: ok. 1 passed; 0 failed; 0 ignored".to_owned()]));
        assert_eq!(session.steps.len(), 2);
        assert!(session.steps[0].result.is_err() && session.steps[1].result.is_ok());
        assert_eq!(session.summary(), ExitCode::FAILURE);
        assert_eq!(Session::default().summary(), ExitCode::SUCCESS);
    }
}
