//! `sotto`: language models from the command line, on the same engine that runs in the browser.
//!
//! Wrong arguments exit with 2. Anything else that fails exits with 1 and one line on standard error that
//! names the file, what is wrong and where.

mod bundled;
mod commands;
mod finder;
mod folder;
mod model_file;
mod text;
mod tuning_file;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sotto_engine::{EngineError, ErrorCode};

/// Runs 4-bit language models.
#[derive(Parser)]
#[command(name = "sotto", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Inspect(commands::inspect::Args),
    Tokenize(commands::tokenize::Args),
    Detokenize(commands::detokenize::Args),
    Run(commands::run::Args),
    Logits(commands::logits::Args),
    Classify(commands::classify::Args),
    Embed(commands::embed::Args),
    Convert(commands::convert::Args),
    Bench(commands::bench::Args),
    Eval(commands::eval::Args),
    Redact(commands::redact::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Inspect(args) => commands::inspect::run(&args),
        Command::Tokenize(args) => commands::tokenize::run(&args),
        Command::Detokenize(args) => commands::detokenize::run(&args),
        Command::Run(args) => commands::run::run(&args),
        Command::Logits(args) => commands::logits::run(&args),
        Command::Classify(args) => commands::classify::run(&args),
        Command::Embed(args) => commands::embed::run(&args),
        Command::Convert(args) => commands::convert::run(&args),
        Command::Bench(args) => commands::bench::run(&args),
        Command::Eval(args) => commands::eval::run(&args),
        Command::Redact(args) => commands::redact::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sotto: {}", one_line(&error));
            if is_usage(&error) { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
        }
    }
}

/// The exit code of wrong arguments, which is also clap's.
const USAGE: u8 = 2;

/// Whether an argument was wrong that only the engine could judge, such as a context longer than the model's.
fn is_usage(error: &anyhow::Error) -> bool {
    let of_engine = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<EngineError>().is_some_and(|e| e.code() == ErrorCode::InvalidArgument)
    };
    error.chain().any(of_engine)
}

/// The error and its causes, each said once.
fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.to_string().replace('\n', " ");
        if !line.contains(&text) {
            if !line.is_empty() {
                line.push_str(": ");
            }
            line.push_str(&text);
        }
    }
    line
}
