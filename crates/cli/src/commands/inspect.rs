//! `sotto inspect`: what a model's header says.

use std::path::PathBuf;

use anyhow::Result;
use sotto_engine::Device;
use sotto_engine::format::BlockType;

use crate::model_file::{Backend, Kv, ModelFiles};

/// Shows what a model file holds and the memory it will take, from its header alone
#[derive(clap::Args)]
pub struct Args {
    /// A .gguf file, the first part of a split one, a manifest.json, or a folder of safetensors
    model: PathBuf,
    /// Print the plan: one operation a line
    #[arg(long)]
    plan: bool,
    /// The device whose memory is told
    #[arg(long, value_enum, default_value_t = Backend::Auto)]
    backend: Backend,
    /// Tell of the model with its F32, F16 and BF16 matrices stored as this type
    #[arg(long, value_parser = super::block_type)]
    quantize: Option<BlockType>,
    /// How keys and values would be kept on the GPU
    #[arg(long, value_enum, default_value_t)]
    kv: Kv,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let files = ModelFiles::open(&args.model)?;
    let header = match args.quantize {
        Some(ty) => files.header.quantized(ty)?,
        None => files.header,
    };
    let device = pollster::block_on(Device::find(args.backend.into()))?;
    let (about, needs) = (device.info(), device.needs(&header, args.kv.into())?);
    let info = serde_json::to_value(header.info())?;
    if args.json {
        let mut info = info;
        info["device"] = serde_json::to_value(about)?;
        info["memory"] = serde_json::to_value(needs)?;
        if args.plan {
            let lines: Vec<String> = header.plan().to_string().lines().map(str::to_owned).collect();
            info["plan"] = lines.into();
        }
        println!("{info}");
        return Ok(());
    }
    for (key, value) in info.as_object().into_iter().flatten() {
        match value {
            serde_json::Value::Null => {}
            serde_json::Value::Object(none) if none.is_empty() => {}
            serde_json::Value::String(text) => println!("{key:16} {text}"),
            other => println!("{key:16} {other}"),
        }
    }
    println!("\nmemory on {} ({}), in MiB:", about.name, about.reason);
    println!("{:>8} {:>10} {:>10} {:>12} {:>10}", "context", "weights", "cache", "activations", "all");
    for need in &needs {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let [weights, cache, activations, all] =
            [need.weight_bytes, need.cache_bytes, need.activation_bytes, need.total_bytes].map(mib);
        let problem = need.problem.as_deref().unwrap_or_default();
        let context = need.context_length;
        println!("{context:>8} {weights:>10.1} {cache:>10.1} {activations:>12.1} {all:>10.1}  {problem}");
    }
    if args.plan {
        print!("\n{}", header.plan());
    }
    Ok(())
}
