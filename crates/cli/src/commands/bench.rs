//! `sotto bench`: how fast a model prefills and decodes, and what a token costs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;
use sotto_engine::format::BlockType;
use sotto_engine::synthetic::Shape;
use sotto_engine::{Counters, Engine, GenerateOptions, KvType, LoadOptions, Prompt};

use crate::model_file::{Backend, ModelFiles};

/// Measures prefill and decode
#[derive(clap::Args)]
pub struct Args {
    /// A model file
    #[arg(long, required_unless_present = "shape", conflicts_with = "shape")]
    model: Option<PathBuf>,
    /// A model of a named shape with random weights: mini, smollm2-135m, qwen3-0.6b, llama-3.2-1b, llama-3.2-3b,
    /// llama-3.1-8b
    #[arg(long, value_parser = super::shape)]
    shape: Option<Shape>,
    /// The weight type of --shape
    #[arg(long = "type", default_value = "Q4_0", value_parser = super::block_type)]
    ty: BlockType,
    /// Where to run
    #[arg(long, value_enum, default_value_t = Backend::Gpu)]
    backend: Backend,
    /// Threads of the cpu backend
    #[arg(long, default_value_t = 1, value_parser = super::at_least_one)]
    threads: usize,
    /// Tokens to prefill
    #[arg(long, default_value_t = 128, value_parser = super::at_least_one)]
    prompt: usize,
    /// Tokens to generate
    #[arg(long = "gen", default_value_t = 32, value_parser = super::at_least_one)]
    generate: usize,
    /// Tokens in the cache before either starts
    #[arg(long, default_value_t = 0)]
    depth: usize,
    /// Runs, of which the median counts
    #[arg(long, default_value_t = 3, value_parser = super::at_least_one)]
    runs: usize,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// What one run measured.
struct Run {
    prefill: Duration,
    decode: Duration,
    /// What the decode steps did.
    decoded: Counters,
}

pub fn run(args: &Args) -> Result<()> {
    let scratch = ScratchFile::for_shape(args)?;
    let path = scratch.as_ref().map_or(args.model.as_deref(), |s| Some(&s.0)).unwrap_or(Path::new(""));
    let files = ModelFiles::open(path)?;
    let info = files.header.info().clone();
    let weights_read = files.header.weight_bytes_per_token();
    let kv_elements = files.header.plan().kv_elements_per_position();
    let context = (args.depth + args.prompt.max(1) + args.generate).min(info.context_length);
    let kv_type = KvType::F16;

    let begin = Instant::now();
    let mut engine = files.load_with(LoadOptions {
        device: args.backend.into(),
        context_length: Some(context),
        kv_type,
        threads: Some(args.threads),
        ..LoadOptions::default()
    })?;
    let load = begin.elapsed();
    let mut runs =
        (0..args.runs).map(|_| pollster::block_on(measure(&mut engine, args))).collect::<Result<Vec<_>>>()?;
    runs.sort_by_key(|run| run.decode);
    let decode = &runs[runs.len() / 2];
    let mut prefills: Vec<_> = runs.iter().map(|run| run.prefill).collect();
    prefills.sort();
    let prefill = prefills[prefills.len() / 2];

    let steps = args.generate as f64;
    let per_token = |count: u64| count as f64 / steps;
    let kv_bytes = match args.backend {
        Backend::Reference => KvType::F32.bytes(),
        _ => kv_type.bytes(),
    };
    let bytes_per_token = weights_read + (kv_elements * kv_bytes * (args.depth + args.generate / 2)) as u64;
    let decode_rate = steps / decode.decode.as_secs_f64();
    let line = json!({
        "model": info.name,
        "quantization": info.quantization,
        "device": engine.device(),
        "threads": args.threads,
        "prompt": args.prompt,
        "gen": args.generate,
        "depth": args.depth,
        "load_seconds": load.as_secs_f64(),
        "prefill_tokens_per_second": args.prompt as f64 / prefill.as_secs_f64(),
        "decode_tokens_per_second": decode_rate,
        "bytes_read_per_token": bytes_per_token,
        "gigabytes_per_second": decode_rate * bytes_per_token as f64 / 1e9,
        "dispatches_per_token": per_token(decode.decoded.dispatches),
        "submits_per_token": per_token(decode.decoded.submits),
        "gpu_objects_created_per_token": per_token(decode.decoded.gpu_objects_created),
        "bytes_read_back_per_token": per_token(decode.decoded.bytes_read_back),
        "device_bytes": engine.counters().device_bytes,
    });
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{line}")?;
    } else {
        for (key, value) in line.as_object().into_iter().flatten() {
            writeln!(out, "{key:32} {value}")?;
        }
    }
    Ok(())
}

async fn measure(engine: &mut Engine, args: &Args) -> Result<Run> {
    let vocab = engine.info().vocab_size as u32;
    // Ids past the control tokens, none the same as its neighbours.
    let id = |at: usize| 3 + (at as u32).wrapping_mul(7919) % (vocab - 3).max(1);
    let options = GenerateOptions {
        temperature: 0.0,
        max_tokens: Some(args.generate + 1),
        ignore_eos: true,
        ..GenerateOptions::default()
    };
    engine.reset();
    let deep: Vec<u32> = (0..args.depth).map(id).collect();
    if !deep.is_empty() {
        let mut generation = engine.generate(&Prompt::Ids(deep), &options).await?;
        engine.next(&mut generation).await?;
        engine.stop(&mut generation).await?;
    }
    let prompt: Vec<u32> = (0..args.depth + args.prompt).map(id).collect();
    let begin = Instant::now();
    let mut generation = engine.generate(&Prompt::Ids(prompt), &options).await?;
    engine.next(&mut generation).await?;
    let prefill = begin.elapsed();
    engine.stop(&mut generation).await?;

    // Decoding starts at the depth that was asked for, not behind the prompt that was just measured.
    let start: Vec<u32> = (0..args.depth.max(1)).map(id).collect();
    let mut generation = engine.generate(&Prompt::Ids(start), &options).await?;
    engine.next(&mut generation).await?;
    let before = engine.counters();
    let begin = Instant::now();
    for _ in 0..args.generate {
        engine.next(&mut generation).await?;
    }
    let decode = begin.elapsed();
    let decoded = engine.counters() - before;
    engine.stop(&mut generation).await?;
    Ok(Run { prefill, decode, decoded })
}

/// A model of a named shape, removed when it is no longer needed.
struct ScratchFile(PathBuf);

impl ScratchFile {
    fn for_shape(args: &Args) -> Result<Option<Self>> {
        let Some(shape) = args.shape else { return Ok(None) };
        let path =
            std::env::temp_dir().join(format!("sotto-bench-{}-{}.gguf", std::process::id(), shape.name));
        let scratch = ScratchFile(path);
        let mut file = std::io::BufWriter::new(std::fs::File::create(&scratch.0)?);
        shape.write(args.ty, 0, &mut file)?;
        file.flush()?;
        Ok(Some(scratch))
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        // A file left in the temporary folder is the system's to clean.
        let _ = std::fs::remove_file(&self.0);
    }
}
