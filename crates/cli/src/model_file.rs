//! Opens the model that a path names: a GGUF file, the first part of a split one, a manifest, or a folder of safetensors.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use sotto_engine::format::{Manifest, read_gguf, split_part_names};
use sotto_engine::text::{GgufVocab, Tokenizer};
use sotto_engine::{Classifier, DeviceChoice, Embedder, Engine, KvType, LoadOptions, Loader, ModelHeader};

use crate::folder::ModelFolder;
use crate::tuning_file::remembered_tuning;

/// Bytes read at a time.
const READ_BYTES: usize = 16 << 20;

/// Which backend runs the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// The GPU, through Vulkan, Metal or DX12.
    Gpu,
    /// The processor.
    Cpu,
    /// A GPU where there is one, else the processor.
    Auto,
    /// The processor, by the plain interpreter that the others are checked against.
    Reference,
}

/// How keys and values are kept on the GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Kv {
    /// Four bytes an element.
    F32,
    /// Two bytes an element.
    #[default]
    F16,
    /// A byte an element, and scales.
    #[value(name = "q8_0")]
    Q8,
}

impl From<Kv> for KvType {
    fn from(kv: Kv) -> Self {
        match kv {
            Kv::F32 => KvType::F32,
            Kv::F16 => KvType::F16,
            Kv::Q8 => KvType::Q8_0,
        }
    }
}

impl From<Backend> for DeviceChoice {
    fn from(backend: Backend) -> Self {
        match backend {
            Backend::Gpu => DeviceChoice::Gpu,
            Backend::Cpu => DeviceChoice::Cpu,
            Backend::Auto => DeviceChoice::Auto,
            Backend::Reference => DeviceChoice::Reference,
        }
    }
}

/// A model's files and what their headers say.
pub struct ModelFiles {
    paths: Vec<PathBuf>,
    /// Config, plan, tokenizer.
    pub header: ModelHeader,
}

impl ModelFiles {
    /// Reads the headers of the model at `path`.
    pub fn open(path: &Path) -> Result<Self> {
        if let Some(folder) = folder_of(path) {
            let ModelFolder { files, paths, shards } = ModelFolder::read(folder)?;
            let header = files.folder().and_then(|files| ModelHeader::from_folder(&files, &shards));
            let header = header.with_context(|| folder.display().to_string())?;
            return Ok(ModelFiles { paths, header });
        }
        let paths = files_of(path)?;
        let mut headers = Vec::with_capacity(paths.len());
        for path in &paths {
            let name = || path.display().to_string();
            let mut file = File::open(path).with_context(name)?;
            headers.push(read_gguf(&mut file).with_context(name)?);
        }
        let header = ModelHeader::from_headers(headers).with_context(|| path.display().to_string())?;
        Ok(ModelFiles { paths, header })
    }

    /// The tokenizer of the model at `path`, of which nothing else has to be there or known.
    pub fn tokenizer(path: &Path) -> Result<Tokenizer> {
        let name = || path.display().to_string();
        if let Some(folder) = folder_of(path) {
            return ModelFolder::tokenizer(folder);
        }
        let first = files_of(path)?.into_iter().next().unwrap_or_else(|| path.to_owned());
        let header = read_gguf(&mut File::open(&first).with_context(name)?).with_context(name)?;
        let vocab = GgufVocab::from_metadata(&header.metadata).with_context(name)?;
        Tokenizer::from_gguf(&vocab).with_context(name)
    }

    /// Loads the weights.
    pub fn load(self, backend: Backend, context_length: Option<usize>, kv_type: KvType) -> Result<Engine> {
        self.load_with(LoadOptions {
            device: backend.into(),
            context_length,
            kv_type,
            tuning: remembered_tuning(),
            ..LoadOptions::default()
        })
    }

    /// Loads the weights.
    pub fn load_with(self, options: LoadOptions) -> Result<Engine> {
        let name = self.name();
        let mut loader = pollster::block_on(Loader::open(self.header, &options))?;
        let mut buffer = vec![0; READ_BYTES];
        for read in loader.reads() {
            let path = &self.paths[read.file];
            let name = || path.display().to_string();
            let mut file = File::open(path).with_context(name)?;
            file.seek(SeekFrom::Start(read.offset)).with_context(name)?;
            let mut rest = file.take(read.bytes);
            let mut offset = read.offset;
            loop {
                let n = rest.read(&mut buffer).with_context(name)?;
                if n == 0 {
                    break;
                }
                loader.write(read.file, offset, &buffer[..n]).with_context(name)?;
                offset += n as u64;
            }
        }
        pollster::block_on(loader.finish()).context(name)
    }

    /// Loads a model that drafts for `engine`'s.
    pub fn load_draft(self, engine: &mut Engine, options: LoadOptions) -> Result<()> {
        let name = self.name();
        let options = engine.draft_options(&self.header, &options).with_context(|| name.clone())?;
        engine.set_draft(self.load_with(options)?).context(name)
    }

    /// Loads a classifier of tokens.
    pub fn load_classifier(self, backend: Backend) -> Result<Classifier> {
        let name = self.name();
        Classifier::new(self.load(backend, None, KvType::F32)?).context(name)
    }

    /// Loads an embedding model.
    pub fn load_embedder(self, backend: Backend) -> Result<Embedder> {
        let name = self.name();
        Embedder::new(self.load(backend, None, KvType::F32)?).context(name)
    }

    fn name(&self) -> String {
        self.paths.first().map(|p| p.display().to_string()).unwrap_or_default()
    }
}

/// The folder of safetensors that `path` names: itself, or by its config.json or index.
pub fn folder_of(path: &Path) -> Option<&Path> {
    if path.is_dir() {
        return Some(path);
    }
    let name = path.file_name().and_then(|n| n.to_str())?;
    let names_its_folder = name == "config.json" || name == "model.safetensors.index.json";
    (names_its_folder || name.ends_with(".safetensors")).then(|| match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    })
}

/// The files of the GGUF model at `path`, in order.
pub fn files_of(path: &Path) -> Result<Vec<PathBuf>> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    if path.is_dir() {
        bail!("{}: is a folder; name a .gguf file or a manifest.json", path.display());
    }
    if name.ends_with(".json") {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let manifest = Manifest::parse(&text).with_context(|| path.display().to_string())?;
        return Ok(manifest.files.iter().map(|f| folder.join(&f.path)).collect());
    }
    Ok(match split_part_names(name) {
        Some(names) => names.iter().map(|n| folder.join(n)).collect(),
        None => vec![path.to_owned()],
    })
}
