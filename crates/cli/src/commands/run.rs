//! `sotto run`: streams a reply.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::json;
use sotto_engine::format::BlockType;
use sotto_engine::text::LocalTime;
use sotto_engine::{Counters, GenerateOptions, LoadOptions, Prompt};

use crate::model_file::{Backend, Kv, ModelFiles};

/// Generates text and streams it to standard output
#[derive(clap::Args)]
pub struct Args {
    /// The model
    #[arg(long)]
    model: PathBuf,
    /// What to continue, or with --chat what to answer
    #[arg(long, allow_hyphen_values = true)]
    prompt: String,
    /// Tokens at most [default: up to the end of the context]
    #[arg(long, value_parser = super::at_least_one)]
    max_tokens: Option<usize>,
    /// 0 always takes the most probable token [default: the model's own, else 1]
    #[arg(long)]
    temperature: Option<f32>,
    /// Chooses the random numbers
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where to run
    #[arg(long, value_enum, default_value_t = Backend::Auto)]
    backend: Backend,
    /// Puts the prompt through the model's chat template as the user's message
    #[arg(long)]
    chat: bool,
    /// Positions to hold at most [default: the model's own, up to 4096]
    #[arg(long)]
    context: Option<usize>,
    /// Try several tokens a step where the text repeats itself; the reply is the same
    #[arg(long)]
    speculate: bool,
    /// A smaller model with the same tokenizer, which drafts several tokens a step; the reply is the same
    #[arg(long, value_name = "SMALL_MODEL", conflicts_with = "speculate")]
    draft: Option<PathBuf>,
    /// The reply follows the grammar in this file, in GBNF as llama.cpp writes it
    #[arg(long, value_name = "FILE", conflicts_with = "json_schema")]
    grammar: Option<PathBuf>,
    /// The reply is JSON as the JSON Schema in this file describes it
    #[arg(long, value_name = "FILE")]
    json_schema: Option<PathBuf>,
    /// Turn weight matrices in F32, F16 or BF16 into this type as they load: Q4_0, Q4_K, Q8_0, ...
    #[arg(long, value_parser = super::block_type)]
    quantize: Option<BlockType>,
    /// How keys and values are kept on the GPU; the processor has them as f16
    #[arg(long, value_enum, default_value_t)]
    kv: Kv,
}

pub fn run(args: &Args) -> Result<()> {
    let load = LoadOptions {
        device: args.backend.into(),
        context_length: args.context,
        quantize: args.quantize,
        kv_type: args.kv.into(),
        ..LoadOptions::default()
    };
    let mut engine = ModelFiles::open(&args.model)?.load_with(load)?;
    if let Some(path) = &args.draft {
        ModelFiles::open(path)?.load_draft(&mut engine, load)?;
    }
    let prompt = if args.chat {
        let messages = json!([{ "role": "user", "content": args.prompt }]);
        Prompt::Template(engine.render_chat(&json!({ "messages": messages }), now())?)
    } else {
        Prompt::Text(args.prompt.clone())
    };
    let defaults = engine.defaults();
    let options = GenerateOptions {
        max_tokens: args.max_tokens,
        temperature: args.temperature.unwrap_or(defaults.temperature),
        seed: args.seed,
        speculate: args.speculate || defaults.speculate,
        grammar: args.grammar.as_deref().map(read).transpose()?,
        json_schema: args.json_schema.as_deref().map(read_json).transpose()?,
        ..defaults
    };
    let mut out = std::io::stdout().lock();
    let begin = Instant::now();
    pollster::block_on(async {
        let mut generation = engine.generate(&prompt, &options).await?;
        let prefilled = begin.elapsed();
        loop {
            let part = engine.next(&mut generation).await?;
            out.write_all(part.text.as_bytes())?;
            out.flush()?;
            if part.done {
                break;
            }
        }
        writeln!(out)?;
        let decode = begin.elapsed() - prefilled;
        eprintln!(
            "{} prompt tokens in {:.0} ms, {} tokens at {:.1} tokens/s on {}",
            generation.prompt_tokens(),
            prefilled.as_secs_f64() * 1e3,
            generation.generated_tokens(),
            generation.generated_tokens() as f64 / decode.as_secs_f64(),
            engine.device().name,
        );
        if options.speculate {
            let Counters { drafted, accepted, .. } = engine.counters();
            eprintln!("{drafted} tokens drafted, {accepted} of them accepted");
        }
        Ok(())
    })
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}

fn read_json(path: &Path) -> Result<String> {
    let text = read(path)?;
    match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(_) => Ok(text),
        Err(error) => {
            bail!("{}: not JSON, at line {}, column {}", path.display(), error.line(), error.column())
        }
    }
}

/// The time in UTC, which templates print as a date.
fn now() -> LocalTime {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    LocalTime::new(seconds as i64, 0)
}
