//! `sotto convert`: a model to one GGUF file and the manifest that downloads are checked against.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sotto_engine::format::convert::{Options, convert, head_type, write_model as write_gguf};
use sotto_engine::format::{BlockType, ImportanceMatrix, Manifest, ManifestFile, read_gguf};
use sotto_engine::synthetic::Shape;

use crate::folder::ModelFolder;
use crate::model_file::{files_of, folder_of};

/// Writes a model as one GGUF file, and a manifest.json beside it
#[derive(clap::Args)]
pub struct Args {
    /// A .gguf file, the first part of a split one, a manifest.json, a folder of safetensors, or random:SHAPE for a
    /// model of a named shape with random weights
    #[arg(value_parser = input)]
    input: Input,
    /// The .gguf file to write
    output: PathBuf,
    /// The type of the weight matrices: F16, Q4_0, Q4_K, Q8_0, ... [default: as they are; Q4_0 for random:SHAPE]
    #[arg(long, value_parser = super::block_type)]
    quantize: Option<BlockType>,
    /// An importance matrix of llama.cpp's (imatrix.gguf, or the older .dat): what errs least where it matters most
    #[arg(long, requires = "quantize", value_name = "FILE")]
    imatrix: Option<PathBuf>,
    /// MiB in a chunk of the manifest
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=256))]
    chunk_mib: u64,
}

/// What is converted.
#[derive(Clone, Debug)]
enum Input {
    Files(PathBuf),
    Random(Shape),
}

fn input(name: &str) -> Result<Input, String> {
    match name.strip_prefix("random:") {
        Some(shape) => super::shape(shape).map(Input::Random),
        None => Ok(Input::Files(PathBuf::from(name))),
    }
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
    let create = || File::create(part).map(BufWriter::new).with_context(output);
    let input = match &args.input {
        Input::Random(_) if args.imatrix.is_some() => bail!("random weights have no importance matrix"),
        Input::Random(shape) => {
            let ty = args.quantize.unwrap_or(BlockType::Q4_0);
            return Ok(shape.write(ty, 0, create()?)?.flush()?);
        }
        Input::Files(path) => path,
    };
    let name = || input.display().to_string();
    let importance = args.imatrix.as_deref().map(read_imatrix).transpose()?;
    let options = Options {
        ty: args.quantize,
        head: args.quantize.and_then(head_type),
        importance: importance.as_ref(),
        ..Options::default()
    };
    if let Some(folder) = folder_of(input) {
        let ModelFolder { files, paths, shards } = ModelFolder::read(folder)?;
        let model = files.folder().and_then(|files| files.gguf(&shards)).with_context(name)?;
        let options = Options { plain_f32: true, ..options };
        write_gguf(model, &mut open(&paths)?, create()?, &options, |_| {})
            .with_context(name)?
            .flush()
            .with_context(output)?;
        return Ok(());
    }
    let paths = files_of(input)?;
    if paths.iter().any(|path| same_file(path, &args.output)) {
        bail!("{}: would be overwritten while it is read; name another output", args.output.display());
    }
    convert(&mut open(&paths)?, create()?, &options, |_| {}).with_context(name)?.flush().with_context(output)
}

fn read_imatrix(path: &Path) -> Result<ImportanceMatrix> {
    let name = || path.display().to_string();
    ImportanceMatrix::parse(&std::fs::read(path).with_context(name)?).with_context(name)
}

fn open(paths: &[PathBuf]) -> Result<Vec<File>> {
    paths.iter().map(|path| File::open(path).with_context(|| path.display().to_string())).collect()
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
