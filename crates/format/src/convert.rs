//! Writing a model as one GGUF file: re-quantised, merged from a split, or from another container.
//!
//! Which tensors change follows llama.cpp's `llama-quantize --pure`: weight matrices do; vectors, norms, routers and
//! small convolutions stay as they are; a matrix whose rows do not fit the wanted blocks gets the nearest type that
//! fits, at last F16. Tensors are converted a slice at a time, so memory does not grow with the model.

use crate::order::sort_by;
use crate::write::{GgufWriter, TensorSpec, WriteError};
use crate::{
    Assembly, BlockError, BlockType, FormatError, ImatrixError, ImportanceMatrix, ModelFile, ReadError,
};
use crate::{Recipe, RecipeError, Span, TensorInfo, Value, read_gguf, takes_importance};
use std::io::{self, Read, Seek, SeekFrom, Write};

/// ggml's `GGML_QNT_VERSION`: the layout of the quantised types.
const QUANTIZATION_VERSION: u32 = 2;
/// Bytes read at a time.
const PIECE_BYTES: u64 = 1 << 20;
/// Parts of names of matrices that are small or touchy, which llama.cpp keeps as they are.
const KEPT: &[&str] = &[
    "_norm.weight",
    "ffn_gate_inp.weight",
    "position_embd.weight",
    "token_types.weight",
    "ssm_conv1d",
    "shortconv.conv.weight",
    "attn_rel_b.weight",
    "altup",
    "laurel",
    "per_layer_model_proj",
    "time_mix_",
];

/// What to make of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options<'a> {
    /// Type of the weight matrices; `None` copies them as they are.
    pub ty: Option<BlockType>,
    /// Type of the matrix that gives the logits (`output.weight`, else a tied `token_embd.weight`), which suffers
    /// most from few bits. `None`: as the others.
    pub head: Option<BlockType>,
    /// Store as F32 what is kept from quantising: vectors, norms, routers, small convolutions. llama.cpp wants them so;
    /// other containers have them in any type.
    pub plain_f32: bool,
    /// How much the columns of the matrices that are quantised matter; of those it does not name all matter alike.
    pub importance: Option<&'a ImportanceMatrix>,
}

/// The type of the matrix that gives the logits where the others are of `ty`: it suffers most from few bits, and gets
/// six, as llama.cpp's quantiser gives it.
pub fn head_type(ty: BlockType) -> Option<BlockType> {
    let wide = [BlockType::F32, BlockType::F16, BlockType::BF16, BlockType::Q8_0];
    (!wide.contains(&ty)).then_some(BlockType::Q6_K)
}

/// What was done with one tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    /// The tensor's name.
    pub name: String,
    /// How it was stored.
    pub from: BlockType,
    /// How it is stored now.
    pub to: BlockType,
    /// Bytes that it takes now.
    pub bytes: u64,
}

/// Why a model could not be converted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are the values that each message names")]
pub enum ConvertError {
    /// A file of the input has no usable header.
    #[error("file {part} of the input: {error}", part = index + 1)]
    Header { index: usize, error: ReadError },
    /// The files of the input do not belong together.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The wanted type has no encoder.
    #[error(transparent)]
    Target(BlockError),
    /// A tensor's bytes could not be read.
    #[error("reading tensor {name:?} failed: {error}")]
    Read { name: String, error: io::Error },
    /// A tensor could not be made.
    #[error("tensor {name:?}: {error}")]
    Recipe { name: String, error: RecipeError },
    /// The importance matrix is not this model's.
    #[error("importance matrix: {0}")]
    Importance(#[from] ImatrixError),
    /// The output could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Converts a model to one GGUF file.
///
/// `files` are the parts of the input in order, one for a model that is not split; a byte slice in a
/// [`io::Cursor`] works as well as a file. `on_tensor` hears of each tensor after it is written.
/// `general.file_type` and `general.quantization_version` are brought up to date, and split keys dropped.
pub fn convert<R: Read + Seek, W: Write>(
    files: &mut [R],
    out: W,
    options: &Options<'_>,
    on_tensor: impl FnMut(Converted),
) -> Result<W, ConvertError> {
    let mut headers = Vec::with_capacity(files.len());
    for (index, file) in files.iter_mut().enumerate() {
        headers.push(read_gguf(file).map_err(|error| ConvertError::Header { index, error })?);
    }
    write_model(ModelFile::from_parts(headers)?, files, out, options, on_tensor)
}

/// Writes a model that is read already, from whatever container, as one GGUF file. `files` are those that its tensors
/// name.
pub fn write_model<R: Read + Seek, W: Write>(
    mut model: ModelFile,
    files: &mut [R],
    out: W,
    options: &Options<'_>,
    mut on_tensor: impl FnMut(Converted),
) -> Result<W, ConvertError> {
    if let Some(ty) = [options.ty, options.head].into_iter().flatten().find(|ty| !ty.can_quantize()) {
        return Err(ConvertError::Target(BlockError::NoEncoder { ty }));
    }
    for key in ["split.no", "split.count", "split.tensors.count"] {
        model.metadata.remove(key);
    }
    if let Some(ty) = options.ty {
        model.metadata.insert("general.quantization_version", Value::U32(QUANTIZATION_VERSION));
        model.metadata.insert("general.file_type", Value::U32(file_type(ty)));
    }
    if let Some(importance) = options.importance {
        if !model.tensors.iter().any(|tensor| importance.has(&tensor.name)) {
            return Err(ImatrixError::OtherModel { entries: importance.len() }.into());
        }
        let entries = u32::try_from(importance.len()).unwrap_or(u32::MAX);
        model.metadata.insert("quantize.imatrix.entries_count", Value::U32(entries));
    }
    let stored: Vec<BlockType> = model.tensors.iter().map(|tensor| tensor.ty).collect();
    retype(&mut model, options, |_| true);
    let specs: Vec<TensorSpec> = model
        .tensors
        .iter()
        .map(|tensor| TensorSpec { name: tensor.name.clone(), shape: tensor.shape.clone(), ty: tensor.ty })
        .collect();
    let mut writer = GgufWriter::new(out, &model.metadata, &specs)?;
    for (tensor, from) in model.tensors.iter().zip(stored) {
        match model.recipe(&tensor.name) {
            None => copy_tensor(tensor, files, &mut writer)?,
            Some(recipe) => make_tensor(tensor, recipe, importance_of(tensor, options)?, files, &mut writer)?,
        }
        on_tensor(Converted { name: tensor.name.clone(), from, to: tensor.ty, bytes: tensor.bytes });
    }
    Ok(writer.finish()?)
}

/// Has the weight matrices of `model` made as `options` asks, where `wanted` says so of the type that they have.
pub fn retype(model: &mut ModelFile, options: &Options<'_>, wanted: impl Fn(BlockType) -> bool) {
    let head = if model.tensor("output.weight").is_some() { "output.weight" } else { "token_embd.weight" };
    for place in 0..model.tensors.len() {
        let tensor = &model.tensors[place];
        let ty = if tensor.name == head { options.head.or(options.ty) } else { options.ty };
        let new = match ty {
            Some(ty) if wanted(tensor.ty) && is_matrix(tensor) => fitting_type(tensor, ty),
            _ if options.plain_f32 && !is_matrix(tensor) && wanted(tensor.ty) => BlockType::F32,
            _ => continue,
        };
        model.make_as(place, new);
    }
}

/// How much the columns of `tensor` matter. Rows of the embedding are looked up and not multiplied, so that a matrix made
/// for another size of it says nothing, as llama.cpp has it too.
fn importance_of<'a>(tensor: &TensorInfo, options: &Options<'a>) -> Result<Option<&'a [f32]>, ImatrixError> {
    let Some(importance) = options.importance.filter(|_| takes_importance(tensor.ty)) else {
        return Ok(None);
    };
    let matrices = tensor.elements() / tensor.row_len() / matrix_rows(tensor);
    match importance.of(&tensor.name, tensor.row_len(), matrices) {
        Err(_) if tensor.name == "token_embd.weight" => Ok(None),
        found => found,
    }
}

/// Rows of each of the matrices that stand one after the other in `tensor`.
fn matrix_rows(tensor: &TensorInfo) -> u64 {
    tensor.shape.iter().rev().nth(1).copied().unwrap_or(1).max(1)
}

/// Whether `tensor` is a weight matrix that may be stored in fewer bits.
fn is_matrix(tensor: &TensorInfo) -> bool {
    tensor.shape.len() >= 2
        && tensor.name.ends_with(".weight")
        && !KEPT.iter().any(|part| tensor.name.contains(part))
}

/// `wanted`, or the nearest type whose blocks fit the rows of `tensor`.
fn fitting_type(tensor: &TensorInfo, wanted: BlockType) -> BlockType {
    let fits = |ty: &BlockType| tensor.row_len().is_multiple_of(ty.block_len() as u64);
    let substitute = match wanted {
        BlockType::Q2_K | BlockType::Q3_K => BlockType::Q4_0,
        BlockType::Q4_K => BlockType::Q5_0,
        BlockType::Q5_K => BlockType::Q5_1,
        BlockType::Q6_K => BlockType::Q8_0,
        _ => BlockType::F16,
    };
    [wanted, substitute].into_iter().find(fits).unwrap_or(BlockType::F16)
}

/// Reads a run of one of `files` in pieces that fit memory.
fn read_span<R: Read + Seek>(
    name: &str,
    span: Span,
    files: &mut [R],
    mut each: impl FnMut(u64, &[u8]) -> Result<(), ConvertError>,
) -> Result<(), ConvertError> {
    let read_error = |error| ConvertError::Read { name: name.to_owned(), error };
    let Some(file) = files.get_mut(span.file as usize) else {
        return Err(read_error(io::ErrorKind::NotFound.into()));
    };
    file.seek(SeekFrom::Start(span.offset)).map_err(read_error)?;
    let mut piece = vec![0; PIECE_BYTES.min(span.bytes) as usize];
    let mut done = 0;
    while done < span.bytes {
        let piece = &mut piece[..PIECE_BYTES.min(span.bytes - done) as usize];
        file.read_exact(piece).map_err(read_error)?;
        each(done, piece)?;
        done += piece.len() as u64;
    }
    Ok(())
}

fn copy_tensor<R: Read + Seek, W: Write>(
    tensor: &TensorInfo,
    files: &mut [R],
    writer: &mut GgufWriter<W>,
) -> Result<(), ConvertError> {
    let span = Span { file: tensor.file, offset: tensor.offset, bytes: tensor.bytes };
    read_span(&tensor.name, span, files, |_, bytes| Ok(writer.write(bytes)?))
}

/// Makes a tensor: the small sources of each matrix first, then its elements, whose rows are written as they come.
fn make_tensor<R: Read + Seek, W: Write>(
    tensor: &TensorInfo,
    recipe: &Recipe,
    importance: Option<&[f32]>,
    files: &mut [R],
    writer: &mut GgufWriter<W>,
) -> Result<(), ConvertError> {
    let failed = |error| ConvertError::Recipe { name: tensor.name.clone(), error };
    let mut assembly = Assembly::new(recipe.clone(), tensor.ty);
    if let Some(importance) = importance {
        assembly = assembly.weighted(importance.to_vec(), matrix_rows(tensor));
    }
    let mut sources: Vec<_> = recipe.spans().collect();
    sort_by(&mut sources, &|a, b| (a.0, a.1 == 0).cmp(&(b.0, b.1 == 0)));
    let mut out = Vec::new();
    assembly.take(&mut out).map_err(failed)?;
    for (matrix, place, span) in sources {
        read_span(&tensor.name, span, files, |offset, bytes| {
            assembly.write(matrix, place, offset, bytes).map_err(failed)?;
            assembly.take(&mut out).map_err(failed)?;
            writer.write(&out)?;
            out.clear();
            Ok(())
        })?;
    }
    Ok(writer.write(&out)?)
}

/// `general.file_type` of a model whose matrices are all of `ty`: llama.cpp's `llama_ftype`.
fn file_type(ty: BlockType) -> u32 {
    match ty {
        BlockType::F32 => 0,
        BlockType::F16 => 1,
        BlockType::Q4_0 => 2,
        BlockType::Q4_1 => 3,
        BlockType::Q8_0 => 7,
        BlockType::Q5_0 => 8,
        BlockType::Q5_1 => 9,
        BlockType::Q3_K => 11,
        BlockType::Q4_K => 14,
        BlockType::Q5_K => 16,
        BlockType::Q6_K => 18,
        BlockType::Q2_K => 21,
        BlockType::IQ4_NL => 25,
        BlockType::IQ4_XS => 30,
        BlockType::BF16 => 32,
        BlockType::TQ1_0 => 36,
        BlockType::TQ2_0 => 37,
        BlockType::MXFP4 => 38,
    }
}

#[cfg(test)]
mod tests;
