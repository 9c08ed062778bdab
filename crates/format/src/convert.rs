//! Re-quantising a GGUF model, and merging a split into one file.
//!
//! Which tensors change follows llama.cpp's `llama-quantize --pure`: weight matrices do; vectors, norms, routers and
//! small convolutions stay as they are; a matrix whose rows do not fit the wanted blocks gets the nearest type that
//! fits, at last F16. Tensors are converted a slice at a time, so memory does not grow with the model.

use crate::write::{GgufWriter, TensorSpec, WriteError};
use crate::{BlockError, BlockType, FormatError, ModelFile, ReadError, TensorInfo, Value};
use crate::{dequantize, quantize, read_gguf};
use std::io::{self, Read, Seek, SeekFrom, Write};

/// ggml's `GGML_QNT_VERSION`: the layout of the quantised types.
const QUANTIZATION_VERSION: u32 = 2;
/// Elements converted at a time: a multiple of every block length, 1 MiB as f32.
const SLICE_ELEMENTS: u64 = 1 << 18;
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Type of the weight matrices; `None` copies them as they are.
    pub ty: Option<BlockType>,
    /// Type of the matrix that gives the logits (`output.weight`, else a tied `token_embd.weight`), which suffers
    /// most from few bits. `None`: as the others.
    pub head: Option<BlockType>,
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
    /// A tensor's values do not fit its new type.
    #[error("tensor {name:?}, in the slice from element {element}: {error}")]
    Block { name: String, element: u64, error: BlockError },
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
    options: &Options,
    mut on_tensor: impl FnMut(Converted),
) -> Result<W, ConvertError> {
    if let Some(ty) = [options.ty, options.head].into_iter().flatten().find(|ty| !ty.can_quantize()) {
        return Err(ConvertError::Target(BlockError::NoEncoder { ty }));
    }
    let mut headers = Vec::with_capacity(files.len());
    for (index, file) in files.iter_mut().enumerate() {
        headers.push(read_gguf(file).map_err(|error| ConvertError::Header { index, error })?);
    }
    let ModelFile { mut metadata, tensors, .. } = ModelFile::from_parts(headers)?;

    for key in ["split.no", "split.count", "split.tensors.count"] {
        metadata.remove(key);
    }
    if let Some(ty) = options.ty {
        metadata.insert("general.quantization_version", Value::U32(QUANTIZATION_VERSION));
        metadata.insert("general.file_type", Value::U32(file_type(ty)));
    }
    let untied = tensors.iter().any(|tensor| tensor.name == "output.weight");
    let head = if untied { "output.weight" } else { "token_embd.weight" };
    let specs: Vec<TensorSpec> = tensors
        .iter()
        .map(|tensor| {
            let wanted = if tensor.name == head { options.head.or(options.ty) } else { options.ty };
            let ty = wanted.map_or(tensor.ty, |wanted| new_type(tensor, wanted));
            TensorSpec { name: tensor.name.clone(), shape: tensor.shape.clone(), ty }
        })
        .collect();

    let mut writer = GgufWriter::new(out, &metadata, &specs)?;
    for (tensor, spec) in tensors.iter().zip(specs) {
        // `file` is an index that `from_parts` made from the same list.
        let file = &mut files[tensor.file as usize];
        convert_tensor(tensor, spec.ty, file, &mut writer)?;
        let bytes = spec.byte_len().unwrap_or_default();
        on_tensor(Converted { name: spec.name, from: tensor.ty, to: spec.ty, bytes });
    }
    Ok(writer.finish()?)
}

/// How `tensor` is to be stored when weights are wanted as `wanted`.
fn new_type(tensor: &TensorInfo, wanted: BlockType) -> BlockType {
    let is_weight = tensor.name.ends_with(".weight") && !KEPT.iter().any(|part| tensor.name.contains(part));
    if tensor.shape.len() < 2 || !is_weight {
        return tensor.ty;
    }
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

fn convert_tensor<R: Read + Seek, W: Write>(
    tensor: &TensorInfo,
    to: BlockType,
    file: &mut R,
    writer: &mut GgufWriter<W>,
) -> Result<(), ConvertError> {
    let read_error = |error| ConvertError::Read { name: tensor.name.clone(), error };
    file.seek(SeekFrom::Start(tensor.offset)).map_err(read_error)?;
    let (mut input, mut values, mut output) = (Vec::new(), Vec::new(), Vec::new());
    let elements = tensor.elements();
    let mut element = 0;
    while element < elements {
        let count = SLICE_ELEMENTS.min(elements - element);
        let block_error = |error| ConvertError::Block { name: tensor.name.clone(), element, error };
        let partial = BlockError::PartialBlock { ty: tensor.ty, elements: count as usize };
        let bytes = tensor.ty.byte_len(count).ok_or_else(|| block_error(partial))?;
        input.resize(bytes as usize, 0);
        file.read_exact(&mut input).map_err(read_error)?;
        if to == tensor.ty {
            writer.write(&input)?;
        } else {
            values.resize(count as usize, 0.0);
            dequantize(tensor.ty, &input, &mut values).map_err(block_error)?;
            output.clear();
            quantize(to, &values, &mut output).map_err(block_error)?;
            writer.write(&output)?;
        }
        element += count;
    }
    Ok(())
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
