//! `sotto eval perplexity`: how well a model predicts a text.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::json;
use sotto_engine::KvType;

use crate::model_file::{Backend, ModelFiles};
use crate::text::read_text;

/// How well a model predicts a text: exp of the mean negative log-likelihood of its tokens
#[derive(clap::Args)]
pub struct Args {
    /// The model
    #[arg(long)]
    model: PathBuf,
    /// A file that holds the text [default: standard input]
    #[arg(long)]
    file: Option<PathBuf>,
    /// Tokens of a window [default: the model's context, up to 512]
    #[arg(long)]
    context: Option<usize>,
    /// Tokens from one window to the next; each token is scored once, in the first window that holds it [default: half a
    /// window]
    #[arg(long)]
    stride: Option<usize>,
    /// Where to run
    #[arg(long, value_enum, default_value_t = Backend::Gpu)]
    backend: Backend,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Tokens of a window that nobody chose.
const DEFAULT_CONTEXT: usize = 512;

pub fn run(args: &Args) -> Result<()> {
    let text = read_text(args.file.as_deref())?;
    let files = ModelFiles::open(&args.model)?;
    let name = args.model.display().to_string();
    let trained = files.header.info().context_length;
    let context = args.context.unwrap_or(trained.min(DEFAULT_CONTEXT));
    let stride = args.stride.unwrap_or(context.div_ceil(2));
    let ids = files.header.tokenizer().encode(&text, true, false).with_context(|| name.clone())?;
    let mut engine = files.load(args.backend, Some(context), KvType::F32)?;
    let found = pollster::block_on(engine.perplexity(&ids, context, stride)).with_context(|| name)?;
    if args.json {
        let line = json!({
            "perplexity": found.value(),
            "tokens": found.tokens,
            "windows": found.windows,
            "context": context,
            "stride": stride,
        });
        println!("{line}");
    } else {
        println!(
            "perplexity {:.4} over {} tokens, in {} windows of {context} tokens every {stride}",
            found.value(),
            found.tokens,
            found.windows
        );
    }
    Ok(())
}
