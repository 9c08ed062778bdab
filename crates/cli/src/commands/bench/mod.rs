//! `sotto bench`: how fast a model prefills and decodes and what a token costs, where the time goes, or how fast each kernel is.

mod kernels;
mod model;
mod profile;

use std::path::PathBuf;

use anyhow::Result;
use sotto_engine::Tuning;
use sotto_engine::format::BlockType;
use sotto_engine::synthetic::Shape;

use crate::model_file::{Backend, Kv};

/// Measures prefill and decode, or kernels one by one
#[derive(clap::Args)]
pub struct Args {
    /// A model file
    #[arg(long, required_unless_present_any = ["shape", "kernels"], conflicts_with_all = ["shape", "kernels"])]
    model: Option<PathBuf>,
    /// A model of a named shape with random weights: mini, smollm2-135m, qwen3-0.6b, llama-3.2-1b, llama-3.2-3b,
    /// llama-3.1-8b
    #[arg(long, value_parser = super::shape, conflicts_with = "kernels")]
    shape: Option<Shape>,
    /// The weight type of --shape; with --kernels the only types to measure, by commas
    #[arg(long = "type", value_parser = super::block_type, value_delimiter = ',')]
    ty: Vec<BlockType>,
    /// Where to run
    #[arg(long, value_enum, default_value_t = Backend::Gpu)]
    backend: Backend,
    /// Threads of the cpu backend
    #[arg(long, default_value_t = 1, value_parser = super::at_least_one)]
    threads: usize,
    /// Tokens to prefill; several by commas
    #[arg(long, default_value = "128", value_parser = super::at_least_one, value_delimiter = ',')]
    prompt: Vec<usize>,
    /// Tokens to generate
    #[arg(long = "gen", default_value_t = 32, value_parser = super::at_least_one)]
    generate: usize,
    /// Tokens in the cache before either starts; several by commas
    #[arg(long, default_value = "0", value_delimiter = ',')]
    depth: Vec<usize>,
    /// Try several tokens a step where the text repeats itself
    #[arg(long)]
    speculate: bool,
    /// A smaller model with the same tokenizer, which drafts several tokens a step
    #[arg(long, value_name = "SMALL_MODEL", conflicts_with_all = ["speculate", "kernels"])]
    draft: Option<PathBuf>,
    /// How keys and values are kept on the GPU
    #[arg(long, value_enum, default_value_t, conflicts_with = "kernels")]
    kv: Kv,
    /// Runs, of which the median counts
    #[arg(long, default_value_t = 3, value_parser = super::at_least_one)]
    runs: usize,
    /// Measure the GPU's kernels one by one instead of a model
    #[arg(long)]
    kernels: bool,
    /// Take steps of a prefill and of decoding apart: microseconds by kernel and shape. On the GPU alone
    #[arg(long, conflicts_with_all = ["kernels", "speculate", "draft"])]
    profile: bool,
    /// With --kernels: only those whose name begins so
    #[arg(long, default_value = "", requires = "kernels")]
    only: String,
    /// With --kernels: rows x columns of the weight matrices, by commas
    #[arg(long, value_parser = kernels::rows_by_cols, value_delimiter = ',', requires = "kernels")]
    shapes: Vec<(usize, usize)>,
    /// With --kernels: other variants of the matrix-vector product too, by commas
    #[arg(long, requires = "kernels", value_delimiter = ',')]
    variants: Vec<Tuning>,
    /// Variants of the GPU's kernels, as 8/256/64kmiehgt, in the place of those that suit the device
    #[arg(long)]
    tuning: Option<Tuning>,
    /// With --kernels: MiB that a kernel's operands take together, so that no cache holds them
    #[arg(long, default_value_t = 512, requires = "kernels")]
    footprint_mib: u64,
    /// Print one line of JSON; with --kernels or --profile one a kernel
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    if args.kernels {
        kernels::run(args)
    } else if args.profile {
        profile::run(args)
    } else {
        model::run(args)
    }
}
