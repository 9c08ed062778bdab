//! `sotto detokenize`: ids to text.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::model_file::ModelFiles;

/// Prints the text of token ids
#[derive(clap::Args)]
pub struct Args {
    /// The model whose tokenizer to use
    #[arg(long)]
    model: PathBuf,
    /// Token ids
    #[arg(required = true)]
    ids: Vec<u32>,
}

pub fn run(args: &Args) -> Result<()> {
    let tokenizer = ModelFiles::tokenizer(&args.model)?;
    let vocab = tokenizer.vocab_size();
    if let Some(id) = args.ids.iter().find(|&&id| id as usize >= vocab) {
        bail!("token id {id} is outside the vocabulary of {vocab}");
    }
    println!("{}", tokenizer.decode(&args.ids, false));
    Ok(())
}
