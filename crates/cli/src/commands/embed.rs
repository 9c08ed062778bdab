//! `sotto embed`: a text's vector.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;

use crate::commands::tokenize::read_text;
use crate::model_file::{Backend, ModelFiles};

/// Prints the vector that an embedding model gives a text
#[derive(clap::Args)]
pub struct Args {
    /// The model
    #[arg(long)]
    model: PathBuf,
    /// The text; standard input when neither this nor --file is given
    #[arg(long, conflicts_with = "file")]
    text: Option<String>,
    /// A file that holds the text
    #[arg(long)]
    file: Option<PathBuf>,
    /// Print JSON: {"embedding", "tokens", "truncated"}; else one number a line
    #[arg(long)]
    json: bool,
    /// Where to run
    #[arg(long, value_enum, default_value_t = Backend::Gpu)]
    backend: Backend,
}

pub fn run(args: &Args) -> Result<()> {
    let text = read_text(args.text.as_deref(), args.file.as_deref())?;
    let mut embedder = ModelFiles::open(&args.model)?.load_embedder(args.backend)?;
    let embedding = pollster::block_on(embedder.embed(&text))?;
    if args.json {
        let (vector, tokens, truncated) = (&embedding.vector, embedding.tokens, embedding.truncated);
        println!("{}", json!({ "embedding": vector, "tokens": tokens, "truncated": truncated }));
        return Ok(());
    }
    if embedding.truncated {
        eprintln!(
            "sotto: the text is longer than the model reads; its first {} tokens count",
            embedding.tokens
        );
    }
    embedding.vector.iter().for_each(|v| println!("{v}"));
    Ok(())
}
