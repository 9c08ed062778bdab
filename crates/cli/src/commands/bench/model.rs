//! `sotto bench` of a model: prefill at some lengths, decoding at some depths, and what a token costs.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;
use sotto_engine::format::BlockType;
use sotto_engine::kernel_bench;
use sotto_engine::synthetic::Shape;
use sotto_engine::{
    Counters, DeviceOptions, Engine, GenerateOptions, GpuDevice, KvType, LoadOptions, Loader, ModelHeader,
    Prompt, TuningChoice,
};

use super::Args;
use crate::model_file::{Backend, ModelFiles};
use crate::tuning_file::remembered_tuning;

/// How long a device works before it is measured: drivers put off work until a kernel first runs, and a GPU that has idled
/// runs at a fraction of its clock (an H200 at 345 of 1980 MHz).
const WARM_UP: Duration = Duration::from_millis(500);

/// What a run of decoding measured.
struct Decoded {
    duration: Duration,
    /// What the steps did.
    counters: Counters,
}

/// A model whose weights are not there yet.
pub(super) enum Source {
    Files(Box<ModelFiles>),
    /// Random weights, made while they load.
    Shape(Shape, BlockType, Box<ModelHeader>),
}

impl Source {
    pub(super) fn open(args: &Args) -> Result<Source> {
        if let Some(path) = &args.model {
            return Ok(Source::Files(Box::new(ModelFiles::open(path)?)));
        }
        let shape = args.shape.context("neither a model nor a shape")?;
        let ty = args.ty.first().copied().unwrap_or(BlockType::Q4_0);
        let header = ModelHeader::parse(&[shape.header(ty)?])?;
        Ok(Source::Shape(shape, ty, Box::new(header)))
    }

    pub(super) fn header(&self) -> &ModelHeader {
        match self {
            Source::Files(files) => &files.header,
            Source::Shape(_, _, header) => header,
        }
    }

    fn load(self, options: LoadOptions) -> Result<Engine> {
        match self {
            Source::Files(files) => (*files).load_with(options),
            Source::Shape(shape, ty, header) => {
                /// Bytes that the loader gets at a time.
                const PIECE: usize = 16 << 20;
                let loader = pollster::block_on(Loader::open(*header, &options))?;
                let pieces = io::BufWriter::with_capacity(PIECE, Pieces { loader, written: 0 });
                let pieces = shape.write(ty, 0, pieces)?.into_inner().map_err(|e| e.into_error())?;
                Ok(pollster::block_on(pieces.loader.finish())?)
            }
        }
    }
}

/// Hands what is written to a loader, as the bytes of its only file.
struct Pieces {
    loader: Loader,
    written: u64,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.loader.write(0, self.written, bytes).map_err(io::Error::other)?;
        self.written += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn run(args: &Args) -> Result<()> {
    let source = Source::open(args)?;
    let header = source.header();
    let info = header.info().clone();
    let weights_read = header.weight_bytes_per_token();
    let plan = header.plan().clone();
    let longest = args.prompt.iter().max().copied().unwrap_or(1);
    let kv_type = KvType::from(args.kv);
    let copy = match args.backend {
        Backend::Gpu | Backend::Auto => copy_bandwidth()?,
        Backend::Cpu | Backend::Reference => None,
    };

    let begin = Instant::now();
    let mut engine = load(args, source)?;
    let load = begin.elapsed();

    let begin = Instant::now();
    while begin.elapsed() < WARM_UP {
        pollster::block_on(prefill(&mut engine, 0, longest))?;
    }
    let mut prefills = Vec::new();
    for &tokens in &args.prompt {
        let depth = args.depth[0];
        let runs = (0..args.runs).map(|_| pollster::block_on(prefill(&mut engine, depth, tokens)));
        let mut runs = runs.collect::<Result<Vec<_>>>()?;
        runs.sort();
        prefills.push((tokens, tokens as f64 / runs[runs.len() / 2].as_secs_f64()));
    }
    let stored = if args.backend == Backend::Reference { KvType::F32 } else { kv_type };
    let kv_bytes = stored.bytes_per_position(&plan);
    let steps = args.generate as f64;
    let mut decodes = Vec::new();
    for &depth in &args.depth {
        let runs = (0..args.runs).map(|_| pollster::block_on(decode(&mut engine, depth, args)));
        let mut runs = runs.collect::<Result<Vec<_>>>()?;
        runs.sort_by_key(|run| run.duration);
        let median = runs.swap_remove(runs.len() / 2);
        let rate = steps / median.duration.as_secs_f64();
        let bytes = weights_read + kv_bytes * (depth + args.generate / 2) as u64;
        let gigabytes = rate * bytes as f64 * 1e-9;
        let per_token = |count: u64| count as f64 / steps;
        let counters = median.counters;
        decodes.push(json!({
            "depth": depth,
            "decode_tokens_per_second": rate,
            "bytes_read_per_token": bytes,
            "bytes_bound_per_token": per_token(counters.bytes_read),
            "gigabytes_per_second": gigabytes,
            "share_of_copy": copy.map(|copy| gigabytes / copy),
            "dispatches_per_token": per_token(counters.dispatches),
            "submits_per_token": per_token(counters.submits),
            "gpu_objects_created_per_token": per_token(counters.gpu_objects_created),
            "bytes_read_back_per_token": per_token(counters.bytes_read_back),
            "host_microseconds_per_token": per_token(counters.host_nanoseconds) * 1e-3,
            "steps_per_token": per_token(counters.steps),
            "drafted": counters.drafted,
            "accepted": counters.accepted,
        }));
    }

    let mut line = json!({
        "model": info.name,
        "quantization": info.quantization,
        "device": engine.device(),
        "threads": args.threads,
        "prompt": prefills[0].0,
        "gen": args.generate,
        "load_seconds": load.as_secs_f64(),
        "prefill_tokens_per_second": prefills[0].1,
    });
    // The first depth stands for itself, so that a line of one depth is flat.
    if let (Some(line), Some(first)) = (line.as_object_mut(), decodes[0].as_object()) {
        line.extend(first.clone());
    }
    line["copy_gigabytes_per_second"] = json!(copy);
    line["device_bytes"] = json!(engine.counters().device_bytes);
    line["peak_process_bytes"] = json!(peak_process_bytes());
    if prefills.len() > 1 {
        let each = |&(tokens, rate): &(usize, f64)| json!({"tokens": tokens, "tokens_per_second": rate});
        line["prefill"] = prefills.iter().map(each).collect();
    }
    if decodes.len() > 1 {
        line["decode"] = decodes.into();
    }
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{line}")?;
    } else {
        for (key, value) in line.as_object().into_iter().flatten() {
            writeln!(out, "{key:32} {value}")?;
        }
    }
    Ok(())
}

/// The model, with a context that all of the measurements fit.
pub(super) fn load(args: &Args, source: Source) -> Result<Engine> {
    let longest = args.prompt.iter().max().copied().unwrap_or(1);
    let deepest = args.depth.iter().max().copied().unwrap_or(0);
    // A profile decodes two steps a run, behind one token at least.
    let profiled = if args.profile { deepest.max(1) + 2 * args.runs } else { 0 };
    let context = (deepest + longest + args.generate).max(profiled);
    let context = context.min(source.header().info().context_length);
    let options = LoadOptions {
        device: args.backend.into(),
        context_length: Some(context),
        kv_type: KvType::from(args.kv),
        threads: Some(args.threads),
        tuning: args.tuning.map_or_else(remembered_tuning, TuningChoice::Use),
        ..LoadOptions::default()
    };
    let mut engine = source.load(options)?;
    if let Some(path) = &args.draft {
        ModelFiles::open(path)?.load_draft(&mut engine, options)?;
    }
    Ok(engine)
}

/// Gigabytes a second of a kernel that copies; `None` for software, where copying says little about computing.
fn copy_bandwidth() -> Result<Option<f64>> {
    let device = pollster::block_on(GpuDevice::request(&DeviceOptions::default()))?;
    if device.facts().software {
        return Ok(None);
    }
    Ok(Some(pollster::block_on(kernel_bench::copy_gigabytes_per_second(&device))?))
}

/// The most memory that the process had, where the system tells.
fn peak_process_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

/// Ids past the control tokens, none the same as its neighbours.
pub(super) fn ids(engine: &Engine, n: usize) -> Vec<u32> {
    let vocab = engine.info().vocab_size as u32;
    (0..n as u32).map(|at| 3 + at.wrapping_mul(7919) % (vocab - 3).max(1)).collect()
}

fn options(tokens: usize) -> GenerateOptions {
    GenerateOptions {
        temperature: 0.0,
        max_tokens: Some(tokens),
        ignore_eos: true,
        ..GenerateOptions::default()
    }
}

/// How long `tokens` tokens take behind `depth` others, up to the first token of a reply.
async fn prefill(engine: &mut Engine, depth: usize, tokens: usize) -> Result<Duration> {
    engine.reset();
    let ids = ids(engine, depth + tokens);
    if depth > 0 {
        let mut generation = engine.generate(&Prompt::Ids(ids[..depth].to_vec()), &options(2)).await?;
        engine.next(&mut generation).await?;
        engine.stop(&mut generation).await?;
    }
    let begin = Instant::now();
    let mut generation = engine.generate(&Prompt::Ids(ids), &options(2)).await?;
    engine.next(&mut generation).await?;
    let duration = begin.elapsed();
    engine.stop(&mut generation).await?;
    Ok(duration)
}

/// How long `tokens` tokens of a reply take behind `depth` others.
async fn decode(engine: &mut Engine, depth: usize, args: &Args) -> Result<Decoded> {
    let tokens = args.generate;
    let options =
        GenerateOptions { speculate: args.speculate || args.draft.is_some(), ..options(tokens + 1) };
    let ids = ids(engine, depth.max(1));
    let mut generation = engine.generate(&Prompt::Ids(ids), &options).await?;
    engine.next(&mut generation).await?;
    let before = engine.counters();
    let begin = Instant::now();
    for _ in 0..tokens {
        engine.next(&mut generation).await?;
    }
    let duration = begin.elapsed();
    let counters = engine.counters() - before;
    engine.stop(&mut generation).await?;
    Ok(Decoded { duration, counters })
}
