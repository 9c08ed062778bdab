//! How a published model is quantised, and the matrix that each module then holds.

use sotto_format::{BlockType, Dtype, ElementMap, Matrix, RowOrder, Storage};

use super::modules::{Found, Module};
use super::{Config, HfError};

const KNOWN: &str =
    "MLX affine (4 and 8 bits) and mxfp4, GPTQ (4 bits), AWQ GEMM (4 bits), bitsandbytes NF4 and MXFP4";
const FLOATS: &[Dtype] = &[Dtype::F16, Dtype::BF16, Dtype::F32];
/// Codes of an 8-bit table.
const BYTE_CODES: u64 = 256;
/// Quantised maxima that share one of their own in bitsandbytes.
const NF4_NESTED_GROUP: u64 = 256;

/// What `config.json` says of a model's quantisation.
#[derive(Clone, Debug)]
pub(crate) enum Quantization {
    None,
    /// With the settings of modules that have some of their own.
    Mlx {
        mode: Mlx,
        modules: Box<Config>,
    },
    Gptq {
        group: Option<u64>,
        zero_bias: i32,
        symmetric: bool,
        act_order: bool,
    },
    Awq {
        group: Option<u64>,
    },
    Nf4,
    Mxfp4,
}

/// How MLX quantises a matrix.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mlx {
    Affine { bits: u64, group: u64 },
    Mxfp4,
}

impl Quantization {
    pub fn read(config: &Config) -> Result<Quantization, HfError> {
        let method = config.section("quantization_config", "quantization_config.");
        if let Some(method) = &method
            && let Some(name) = method.text_opt("quant_method")?
        {
            return Quantization::of_method(name, method);
        }
        let Some(settings) = config.section("quantization", "quantization.").or(method) else {
            return Ok(Quantization::None);
        };
        Ok(Quantization::Mlx { mode: Mlx::read(&settings)?, modules: Box::new(settings) })
    }

    fn of_method(name: &str, config: &Config) -> Result<Quantization, HfError> {
        // -1: a group is a whole row.
        let group = || -> Result<Option<u64>, HfError> {
            match config.number_opt("group_size")? {
                None => Ok(Some(128)),
                Some(-1.0) => Ok(None),
                Some(_) => match config.size("group_size")? {
                    0 => Err(unsupported("groups of 0".to_owned())),
                    group => Ok(Some(group.into())),
                },
            }
        };
        let four_bits = |bits: Option<u32>| match bits {
            Some(4) => Ok(()),
            other => Err(unsupported(format!("{name} of {} bits", other.unwrap_or(0)))),
        };
        match name {
            "gptq" => {
                four_bits(config.size_opt("bits")?)?;
                let zero_bias = match config.text_opt("checkpoint_format")?.unwrap_or("gptq") {
                    "gptq" => 1,
                    "gptq_v2" => 0,
                    other => return Err(unsupported(format!("GPTQ in the format \"{other}\""))),
                };
                Ok(Quantization::Gptq {
                    group: group()?,
                    zero_bias,
                    symmetric: config.flag_opt("sym")?.unwrap_or(true),
                    act_order: config.flag_opt("desc_act")?.unwrap_or(false),
                })
            }
            "awq" => {
                four_bits(config.size_opt("bits")?.or(config.size_opt("w_bit")?))?;
                match config.text_opt("version")?.unwrap_or("gemm").to_lowercase().as_str() {
                    "gemm" => Ok(Quantization::Awq { group: group()? }),
                    other => Err(unsupported(format!("AWQ in the format \"{other}\""))),
                }
            }
            "bitsandbytes" => {
                let four = config.flag_opt("load_in_4bit")?.or(config.flag_opt("_load_in_4bit")?);
                match config.text_opt("bnb_4bit_quant_type")? {
                    Some("nf4") if four == Some(true) => Ok(Quantization::Nf4),
                    Some(other) if four == Some(true) => {
                        Err(unsupported(format!("bitsandbytes' 4-bit type \"{other}\"")))
                    }
                    _ => Err(unsupported("bitsandbytes of 8 bits".to_owned())),
                }
            }
            "mxfp4" => Ok(Quantization::Mxfp4),
            other => Err(unsupported(format!("\"{other}\""))),
        }
    }

    /// The matrix that the module called `name` holds. `shape` is what the config implies for it, where that is known:
    /// NF4 files do not say.
    pub fn matrix(
        &self,
        name: &str,
        module: &Module<'_>,
        shape: Option<[u64; 2]>,
    ) -> Result<Matrix, HfError> {
        match self {
            Quantization::Mlx { mode, modules } if module.get("scales").is_some() => {
                let mode = match modules.get(name) {
                    Some(serde_json::Value::Object(_)) => Mlx::read(&modules.subsection(name))?,
                    _ => *mode,
                };
                mlx(name, module, mode)
            }
            Quantization::Gptq { group, zero_bias, symmetric, act_order }
                if module.get("qweight").is_some() =>
            {
                gptq(name, module, *group, [*symmetric, *act_order], *zero_bias)
            }
            Quantization::Awq { group } if module.get("qweight").is_some() => awq(name, module, *group),
            Quantization::Nf4 if module.get("weight.absmax").is_some() => nf4(name, module, shape),
            _ => plain(name, module),
        }
    }
}

fn unsupported(method: String) -> HfError {
    HfError::UnsupportedQuantization { method, known: KNOWN }
}

impl Mlx {
    fn read(config: &Config) -> Result<Mlx, HfError> {
        let (bits, group) = (config.size("bits")?, config.size("group_size")?);
        match (config.text_opt("mode")?.unwrap_or("affine"), bits, group) {
            ("affine", 4 | 8, 32 | 64 | 128) => Ok(Mlx::Affine { bits: bits.into(), group: group.into() }),
            ("mxfp4", 4, 32) => Ok(Mlx::Mxfp4),
            (mode, ..) => {
                Err(unsupported(format!("MLX's mode \"{mode}\" of {bits} bits in groups of {group}")))
            }
        }
    }
}

/// A module's weight as it is; also a tensor that is its own module.
pub(crate) fn plain(name: &str, module: &Module<'_>) -> Result<Matrix, HfError> {
    let found = match module.get("") {
        Some(found) => found,
        None => module.need(name, "weight", "config.json implies it")?,
    };
    let ty = float_type(found, "F32, F16 or BF16; or, quantised, as config.json's quantization_config says")?;
    let cols = found.tensor.shape.last().copied().unwrap_or(1);
    let rows = found.tensor.shape.iter().rev().skip(1).product();
    Ok(matrix(rows, cols, Storage::Plain(ty), &[found]))
}

fn matrix(rows: u64, cols: u64, storage: Storage, sources: &[Found<'_>]) -> Matrix {
    let spans = sources.iter().map(Found::span).collect();
    Matrix { rows, cols, storage, spans, order: RowOrder::AsStored, columns: None, map: ElementMap::Same }
}

/// The block type of floating-point elements.
pub(crate) fn float_type(found: Found<'_>, expected: &'static str) -> Result<BlockType, HfError> {
    found.expect_dtype(FLOATS, expected)?;
    Ok(found.tensor.dtype.block_type().unwrap_or(BlockType::F32))
}

fn mlx(name: &str, module: &Module<'_>, mode: Mlx) -> Result<Matrix, HfError> {
    let (bits, group) = match mode {
        Mlx::Affine { bits, group } => (bits, group),
        Mlx::Mxfp4 => (4, 32),
    };
    let data = module.need(name, "weight", "MLX keeps the quants there")?;
    data.expect_dtype(&[Dtype::U32], "U32")?;
    // Experts' matrices stand one after the other: `[experts, rows, words]`.
    let [outer @ .., words] = data.tensor.shape.as_slice() else {
        return Err(bad_shape(data, "rows".into()));
    };
    let cols = words.saturating_mul(32 / bits);
    let rows = outer.iter().product();
    if rows == 0 || cols == 0 || !cols.is_multiple_of(group) {
        return Err(bad_shape(data, format!("rows of whole groups of {group}")));
    }
    let scales = module.need(name, "scales", "MLX quantises with scales")?;
    let groups = [outer, &[cols / group]].concat();
    scales.expect_shape(&groups)?;
    if let Mlx::Mxfp4 = mode {
        scales.expect_dtype(&[Dtype::U8], "U8")?;
        return Ok(matrix(rows, cols, Storage::Mxfp4, &[data, scales]));
    }
    let biases = module.need(name, "biases", "MLX's mode \"affine\" has scales and biases")?;
    let ty = float_type(scales, "F16, BF16 or F32")?;
    biases.expect_shape(&groups)?;
    biases.expect_dtype(&[scales.tensor.dtype], "of the scales' type")?;
    Ok(matrix(rows, cols, Storage::Affine { bits, group, scales: ty }, &[data, scales, biases]))
}

fn gptq(
    name: &str,
    module: &Module<'_>,
    group: Option<u64>,
    [symmetric, act_order]: [bool; 2],
    zero_bias: i32,
) -> Result<Matrix, HfError> {
    let data = module.need(name, "qweight", "")?;
    data.expect_dtype(&[Dtype::I32, Dtype::U32], "I32")?;
    let [words, rows] = shape_2d(data)?;
    let cols = words.saturating_mul(8);
    let group = group.unwrap_or(cols);
    let (zeros, scales, ty) = zeros_and_scales(name, module, rows, cols.div_ceil(group))?;
    let mut sources = vec![data, zeros, scales];
    if act_order || module.get("g_idx").is_some() {
        let g_idx = module.need(name, "g_idx", "desc_act needs each column's group")?;
        g_idx.expect_dtype(&[Dtype::I32], "I32")?;
        g_idx.expect_shape(&[cols])?;
        sources.push(g_idx);
    }
    let storage = Storage::Gptq { group, scales: ty, zero_bias, symmetric, act_order };
    Ok(matrix(rows, cols, storage, &sources))
}

fn awq(name: &str, module: &Module<'_>, group: Option<u64>) -> Result<Matrix, HfError> {
    let data = module.need(name, "qweight", "")?;
    data.expect_dtype(&[Dtype::I32, Dtype::U32], "I32")?;
    let [cols, words] = shape_2d(data)?;
    let rows = words.saturating_mul(8);
    let group = group.unwrap_or(cols);
    let (zeros, scales, ty) = zeros_and_scales(name, module, rows, cols.div_ceil(group))?;
    Ok(matrix(rows, cols, Storage::Awq { group, scales: ty }, &[data, zeros, scales]))
}

fn zeros_and_scales<'a>(
    name: &str,
    module: &Module<'a>,
    rows: u64,
    groups: u64,
) -> Result<(Found<'a>, Found<'a>, BlockType), HfError> {
    let zeros = module.need(name, "qzeros", "its qweight cannot be read without it")?;
    let scales = module.need(name, "scales", "its qweight cannot be read without it")?;
    zeros.expect_dtype(&[Dtype::I32, Dtype::U32], "I32")?;
    zeros.expect_shape(&[groups, rows / 8])?;
    scales.expect_shape(&[groups, rows])?;
    if !rows.is_multiple_of(8) {
        return Err(bad_shape(scales, "a multiple of 8 outputs".to_owned()));
    }
    Ok((zeros, scales, float_type(scales, "F16, BF16 or F32")?))
}

fn nf4(name: &str, module: &Module<'_>, shape: Option<[u64; 2]>) -> Result<Matrix, HfError> {
    let data = module.need(name, "weight", "bitsandbytes keeps the quants there")?;
    data.expect_dtype(&[Dtype::U8], "U8")?;
    let Some([rows, cols]) = shape else {
        return Err(HfError::Dtype { name: data.tensor.name.clone(), dtype: "NF4", expected: "F16 or BF16" });
    };
    let elements = rows.saturating_mul(cols);
    if data.tensor.bytes != elements.div_ceil(2) {
        return Err(bad_shape(data, format!("{} bytes for {rows} x {cols} elements", elements.div_ceil(2))));
    }
    let why = "bitsandbytes writes it beside an NF4 weight";
    let absmax = module.need(name, "weight.absmax", why)?;
    let table = module.need(name, "weight.quant_map", why)?;
    table.expect_dtype(&[Dtype::F32], "F32")?;
    table.expect_shape(&[16])?;
    let blocks = absmax.tensor.shape.iter().product::<u64>().max(1);
    let block = elements.div_ceil(blocks).next_power_of_two();
    if elements.div_ceil(block) != blocks {
        return Err(bad_shape(
            absmax,
            format!("one maximum for each of equally long blocks of {elements} elements"),
        ));
    }
    let nested = absmax.tensor.dtype == Dtype::U8;
    let mut sources = vec![data, absmax, table];
    if nested {
        let maxima = module.need(name, "weight.nested_absmax", why)?;
        let codes = module.need(name, "weight.nested_quant_map", why)?;
        let state = module.need(name, "weight.quant_state.bitsandbytes__nf4", why)?;
        maxima.expect_dtype(&[Dtype::F32], "F32")?;
        maxima.expect_shape(&[blocks.div_ceil(NF4_NESTED_GROUP)])?;
        codes.expect_dtype(&[Dtype::F32], "F32")?;
        codes.expect_shape(&[BYTE_CODES])?;
        state.expect_dtype(&[Dtype::U8], "U8")?;
        sources.extend([maxima, codes, state]);
    } else {
        absmax.expect_dtype(&[Dtype::F32], "F32, or U8 with nested_absmax")?;
    }
    Ok(matrix(rows, cols, Storage::Nf4 { block, nested }, &sources))
}

fn shape_2d(found: Found<'_>) -> Result<[u64; 2], HfError> {
    match found.tensor.shape.as_slice() {
        &[rows, cols] if rows > 0 && cols > 0 => Ok([rows, cols]),
        _ => Err(bad_shape(found, "two dimensions, none of them 0".to_owned())),
    }
}

fn bad_shape(found: Found<'_>, expected: String) -> HfError {
    HfError::Shape { name: found.tensor.name.clone(), shape: found.tensor.shape.clone(), expected }
}
