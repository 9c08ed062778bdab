//! `sotto eval`: how good a model is, by numbers. One file a subject.

mod perplexity;
mod pii;

use anyhow::Result;

/// Measures a model
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    Perplexity(perplexity::Args),
    Pii(pii::Args),
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<()> {
    match &args.what {
        What::Perplexity(args) => perplexity::run(args),
        What::Pii(args) => pii::run(args),
    }
}
