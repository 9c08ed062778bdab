//! `sotto convert`: a model to one GGUF file and the manifest that downloads are checked against.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sotto_engine::format::convert::{Options, convert};
use sotto_engine::format::{BlockType, Manifest, ManifestFile, read_gguf};
use sotto_engine::synthetic::{SHAPES, Shape};

use crate::model_file::files_of;

/// Writes a model as one GGUF file, and a manifest.json beside it
#[derive(clap::Args)]
pub struct Args {
    /// A .gguf file, the first part of a split one, a manifest.json, or random:SHAPE for a model of a named shape
    /// with random weights
    input: PathBuf,
    /// The .gguf file to write
    output: PathBuf,
    /// The type of the weight matrices: F16, Q4_0, Q4_K, Q8_0, ... [default: as they are; Q4_0 for random:SHAPE]
    #[arg(long, value_parser = block_type)]
    quantize: Option<BlockType>,
    /// MiB in a chunk of the manifest
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=256))]
    chunk_mib: u64,
}

fn block_type(name: &str) -> Result<BlockType, String> {
    let known =
        || BlockType::ALL.iter().filter(|ty| ty.can_quantize()).map(|ty| ty.name()).collect::<Vec<_>>();
    BlockType::from_name(&name.to_uppercase()).filter(|ty| ty.can_quantize()).ok_or_else(|| {
        format!("not a type that weights can be converted to; those are {}", known().join(", "))
    })
}

pub fn run(args: &Args) -> Result<()> {
    let part = part_path(&args.output);
    let written = write_model(args, &part).and_then(|()| {
        std::fs::rename(&part, &args.output).with_context(|| args.output.display().to_string())
    });
    if written.is_err() {
        // Nothing is left half-written; that there may be nothing to remove is fine.
        let _ = std::fs::remove_file(&part);
    }
    written?;
    let manifest = write_manifest(&args.output, args.chunk_mib << 20)?;
    println!("{}\n{}", args.output.display(), manifest.display());
    Ok(())
}

fn write_model(args: &Args, part: &Path) -> Result<()> {
    let output = || args.output.display().to_string();
    let input = args.input.display().to_string();
    let create = || File::create(part).map(BufWriter::new).with_context(output);
    if let Some(shape) = input.strip_prefix("random:") {
        let Some(shape) = Shape::named(shape) else {
            let known: Vec<_> = SHAPES.iter().map(|s| s.name).collect();
            bail!("\"{shape}\" is no shape; known are {}", known.join(", "));
        };
        let ty = args.quantize.unwrap_or(BlockType::Q4_0);
        return Ok(shape.write(ty, 0, create()?)?.flush()?);
    }
    let paths = files_of(&args.input)?;
    if paths.iter().any(|path| same_file(path, &args.output)) {
        bail!("{}: would be overwritten while it is read; name another output", args.output.display());
    }
    let mut files = paths
        .iter()
        .map(|path| File::open(path).with_context(|| path.display().to_string()))
        .collect::<Result<Vec<_>>>()?;
    let options = Options { ty: args.quantize, head: args.quantize.and_then(head_type) };
    convert(&mut files, create()?, &options, |_| {})
        .with_context(|| input.clone())?
        .flush()
        .with_context(output)
}

/// The matrix that gives the logits suffers most from few bits: it gets six, as llama.cpp's quantiser gives it.
fn head_type(ty: BlockType) -> Option<BlockType> {
    let wide = [BlockType::F32, BlockType::F16, BlockType::BF16, BlockType::Q8_0];
    (!wide.contains(&ty)).then_some(BlockType::Q6_K)
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn part_path(output: &Path) -> PathBuf {
    let mut name = output.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    output.with_file_name(name)
}

/// Writes the manifest beside the model: `manifest.json`, or `<model>.manifest.json` where another model's
/// manifest stands already.
fn write_manifest(model: &Path, chunk_bytes: u64) -> Result<PathBuf> {
    let name = model.file_name().and_then(|n| n.to_str()).context("the output's name is not UTF-8")?;
    let context = || model.display().to_string();
    let mut file = File::open(model).with_context(context)?;
    let hashed = ManifestFile::from_reader(name, &mut file, chunk_bytes).with_context(context)?;
    let header = read_gguf(&mut file).with_context(context)?;
    let text = |key| header.metadata.str(key).ok().map(str::to_owned);
    let manifest = Manifest {
        name: text("general.name").unwrap_or_else(|| name.to_owned()),
        version: text("general.version").unwrap_or_else(|| "1".to_owned()),
        license: text("general.license"),
        chunk_bytes,
        files: vec![hashed],
    };
    let mut path = model.with_file_name("manifest.json");
    if names_other_files(&path, name) {
        path = model.with_extension("manifest.json");
    }
    std::fs::write(&path, manifest.to_json()?).with_context(|| path.display().to_string())?;
    Ok(path)
}

fn names_other_files(path: &Path, name: &str) -> bool {
    match std::fs::read_to_string(path) {
        Ok(text) => !Manifest::parse(&text).is_ok_and(|m| m.files.iter().all(|f| f.path == name)),
        Err(_) => false,
    }
}
