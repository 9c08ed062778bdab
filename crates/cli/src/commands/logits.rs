//! `sotto logits`: the model's output at every position, for checks against other implementations.

use std::path::PathBuf;

use anyhow::{Context, Result};
use sotto_engine::{KvType, Outputs};

use crate::model_file::{Backend, ModelFiles};

/// Writes the logits of every position as little-endian f32, [n_tokens, vocab]
#[derive(clap::Args)]
pub struct Args {
    /// The model
    #[arg(long)]
    model: PathBuf,
    /// A text file of token ids with spaces between
    #[arg(long)]
    tokens: PathBuf,
    /// Where to write
    #[arg(long)]
    out: PathBuf,
    /// Where to run. On the processor everything is f32, as a check wants it; `run` and `bench` multiply 8-bit integers there
    #[arg(long, value_enum, default_value_t = Backend::Gpu)]
    backend: Backend,
}

pub fn run(args: &Args) -> Result<()> {
    let name = args.tokens.display().to_string();
    let text = std::fs::read_to_string(&args.tokens).with_context(|| name.clone())?;
    let ids = text
        .split_whitespace()
        .enumerate()
        .map(|(at, word)| {
            word.parse::<u32>().with_context(|| format!("{name}: word {} is not a token id", at + 1))
        })
        .collect::<Result<Vec<u32>>>()?;
    if ids.is_empty() {
        anyhow::bail!("{name}: holds no token ids");
    }
    let files = ModelFiles::open(&args.model)?;
    let context = ids.len().min(files.header.info().context_length);
    let backend = if args.backend == Backend::Cpu { Backend::Reference } else { args.backend };
    let mut engine = files.load(backend, Some(context), KvType::F32)?;
    let logits = pollster::block_on(engine.logits(&ids, Outputs::All)).with_context(|| name.clone())?;
    let bytes: Vec<u8> = logits.iter().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(&args.out, bytes).with_context(|| args.out.display().to_string())?;
    println!("[{}, {}] to {}", ids.len(), logits.len() / ids.len(), args.out.display());
    Ok(())
}
