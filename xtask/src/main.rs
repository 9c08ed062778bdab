//! `cargo xtask`: builds, tests, serves, measures and packs. What each command does stands in its own file; all of them
//! get what they need first, and do again only what changed.

mod bench;
mod browser;
mod build;
mod demo;
mod licences;
mod models;
mod node;
mod package;
mod packages;
mod relaxed;
mod server;
mod shared_target;
mod shell;
mod size;
mod stamp;
mod test;
mod threads;
mod toolchain;
mod wasm;
mod wasm_test;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Build, test, demo, bench, size, package
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Get what building and testing need: a compiler for wasm, npm packages, a browser, a Vulkan driver
    Setup,
    /// Build the wasm module, the npm package and the demo
    Build,
    /// Build everything and serve the demo
    Demo {
        /// Open it in a headless browser instead, print the text that the bundled model streams, and end
        #[arg(long)]
        check: bool,
        /// The port to serve on [default: 8000, else a free one]
        #[arg(long)]
        port: Option<u16>,
    },
    /// Run the tests, or some groups of them
    Test {
        #[arg(value_enum)]
        groups: Vec<test::Group>,
        /// Also those that take minutes or gigabytes
        #[arg(long)]
        slow: bool,
    },
    /// Print what a page downloads, gzipped, against its budget
    Size,
    /// Run `sotto bench` with these arguments; with --browser or --node, the package there
    Bench {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Check every architecture against the code its authors use, and write docs/models.md
    Models {
        /// Only tests whose names hold this; prints their rows instead
        name: Option<String>,
    },
    /// Build the npm tarball; its path is the last line
    Package,
}

fn main() -> ExitCode {
    run(Cli::parse().command).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Setup => set_up()?,
        Command::Build => build::all(&build::set_up()?)?,
        Command::Demo { check: true, port } => return demo::check(port),
        Command::Demo { check: false, port } => return demo::serve(port),
        Command::Test { groups, slow } => return test::test(&groups, slow),
        Command::Size => return size::size(),
        Command::Bench { args } => return bench::bench(&args),
        Command::Models { name } => return models::models(name.as_deref()),
        Command::Package => package::package()?,
    }
    Ok(ExitCode::SUCCESS)
}

fn set_up() -> Result<()> {
    build::set_up()?;
    let browser = browser::find()?;
    browser::vulkan_driver();
    shell::say(format_args!("ready; browser: {}", browser.display()));
    Ok(())
}
