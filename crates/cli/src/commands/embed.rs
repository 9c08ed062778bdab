//! `sotto embed`: a text's vector.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;

use crate::model_file::{Backend, ModelFiles};
use crate::text::TextArgs;

/// Prints the vector that an embedding model gives a text
#[derive(clap::Args)]
pub struct Args {
    /// The model
    #[arg(long)]
    model: PathBuf,
    #[command(flatten)]
    text: TextArgs,
    /// Print JSON: {"embedding", "tokens", "truncated"}; else one number a line
    #[arg(long)]
    json: bool,
    /// Where to run
    #[arg(long, value_enum, default_value_t = Backend::Auto)]
    backend: Backend,
}

pub fn run(args: &Args) -> Result<()> {
    let text = args.text.read()?;
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
