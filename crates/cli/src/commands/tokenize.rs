//! `sotto tokenize`: text to ids.

use std::path::PathBuf;

use anyhow::Result;

use crate::model_file::ModelFiles;
use crate::text::TextArgs;

/// Prints the token ids of a text as a JSON array
#[derive(clap::Args)]
pub struct Args {
    /// The model whose tokenizer to use
    #[arg(long)]
    model: PathBuf,
    #[command(flatten)]
    text: TextArgs,
    /// Adds no beginning- or end-of-text token, and reads special tokens in the text as plain text
    #[arg(long)]
    no_special: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let tokenizer = ModelFiles::tokenizer(&args.model)?;
    let text = args.text.read()?;
    let special = !args.no_special;
    let ids = tokenizer.encode(&text, special, special)?;
    println!("{}", serde_json::to_string(&ids)?);
    Ok(())
}
