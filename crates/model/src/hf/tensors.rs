//! Which tensors of a model's own names become which tensors of GGUF's names.
//!
//! A [`Family`](super::families::Family)'s tables name modules; what becomes of a module is a [`Change`].

use std::collections::BTreeMap;

use sotto_format::order::sort_by;
use sotto_format::{BlockType, ElementMap, Matrix, Recipe, RowOrder, SafetensorsHeader, Storage, TensorInfo};

use super::families::Family;
use super::keys::Sizes;
use super::modules::{Found, Module, modules};
use super::quantization::{Quantization, float_type, plain};
use super::{Config, HfError};

/// A tensor under its GGUF name, and how it is made where no file holds it as it is.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub info: TensorInfo,
    pub recipe: Option<Recipe>,
}

/// What becomes of a module's weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing.
    None,
    /// Rows of heads are reordered so that RoPE pairs are adjacent.
    RopePairs,
    /// 1 is added: the model's norms multiply by `1 + w`.
    AddOne,
    /// Value heads, of which several may share a key head, take turns: as rows, with `keys` behind those of queries and keys.
    ValueRows { keys: bool },
    /// The same of the columns.
    ValueColumns,
    /// As rows, and of a decay that is kept as a logarithm, `-exp(x)`.
    ValueDecays,
    /// One of a layer's experts, to be stacked with the others.
    Expert,
    /// The dimension of 1 in `[channels, 1, taps]`, or MLX's `[channels, taps, 1]`, goes.
    Squeeze,
    /// As [`Change::Squeeze`], the channels in the order of [`Change::ValueRows`] behind queries and keys.
    SqueezeValueRows,
    /// A tensor of all experts with no module around it, `[experts, rows, cols]`, and share `first` of `of` of each one's rows.
    Experts { first: u64, of: u64, stored: ExpertRows },
    /// As [`Change::Experts`], the shares interleaved, of the two tensors `<name>_blocks` and `<name>_scales`.
    Mxfp4Experts { first: u64, of: u64 },
}

/// How a tensor of all experts keeps several projections in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExpertRows {
    /// One after the other.
    Consecutive,
    /// A row of each in turn.
    Interleaved,
    /// One after the other, and each expert's matrix transposed: `[experts, cols, rows]`.
    ConsecutiveTransposed,
    /// A row of each in turn, and each expert's matrix transposed: `[experts, cols, rows]`.
    InterleavedTransposed,
}

/// A row of a name table: a module of the model, `*` for the number of an expert; GGUF's name; what changes.
pub(crate) type Name = (&'static str, &'static str, Change);

impl Made {
    pub fn constant(name: &str, shape: Vec<u64>, ty: BlockType, bytes: Vec<u8>) -> Made {
        let info =
            TensorInfo { name: name.to_owned(), shape, ty, file: 0, offset: 0, bytes: bytes.len() as u64 };
        Made { info, recipe: Some(Recipe::Constant(bytes)) }
    }

    /// The tensor `name` as `matrices` one after the other make it.
    fn stacked(name: String, shape: Vec<u64>, matrices: Vec<Matrix>) -> Result<Made, HfError> {
        let file = matrices.first().and_then(|m| m.spans.first()).map_or((0, 0), |s| (s.file, s.offset));
        let direct = match matrices.as_slice() {
            [Matrix { storage: Storage::Plain(ty), order, columns, map, .. }] => {
                (*order == RowOrder::AsStored && columns.is_none() && *map == ElementMap::Same).then_some(*ty)
            }
            _ => None,
        };
        let recipe = Recipe::Stack(matrices);
        let ty = match direct.unwrap_or_else(|| recipe.natural_type()) {
            // Of experts that are nearly as good, the last bit says which one is taken.
            BlockType::F16 if direct.is_none() && name.ends_with("ffn_gate_inp.weight") => BlockType::F32,
            ty => ty,
        };
        let elements = shape.iter().try_fold(1u64, |n, dim| n.checked_mul(*dim));
        let rows_fit = shape.last().copied().unwrap_or(1).is_multiple_of(ty.block_len() as u64);
        let bytes = elements.filter(|&n| n > 0 && rows_fit).and_then(|n| ty.byte_len(n));
        let Some(bytes) = bytes else {
            let expected = format!("a size that {ty} can hold, with no dimension of 0");
            return Err(HfError::Shape { name, shape, expected });
        };
        let info = TensorInfo { name, shape, ty, file: file.0, offset: file.1, bytes };
        Ok(Made { info, recipe: direct.is_none().then_some(recipe) })
    }
}

/// All tensors of the model but those that [`Family::keys`] makes.
pub(crate) fn tensors(
    config: &Config,
    family: &Family,
    shards: &[SafetensorsHeader],
) -> Result<Vec<Made>, HfError> {
    let modules = modules(shards)?;
    let mapper = Mapper {
        family,
        config,
        sizes: Sizes::read(config).ok(),
        quantization: Quantization::read(config)?,
        modules: &modules,
    };
    let mut made = Vec::with_capacity(modules.len());
    let mut experts: BTreeMap<(u32, &'static str), BTreeMap<u32, Matrix>> = BTreeMap::new();
    for (name, module) in &modules {
        mapper.add(name, module, &mut made, &mut experts)?;
    }
    for ((layer, gguf), matrices) in experts {
        made.push(mapper.experts(layer, gguf, matrices)?);
    }
    sort_by(&mut made, &|a, b| natural_order(&a.info.name).cmp(&natural_order(&b.info.name)));
    Ok(made)
}

pub(super) struct Mapper<'a> {
    family: &'a Family,
    pub(super) config: &'a Config,
    sizes: Option<Sizes>,
    quantization: Quantization,
    pub(super) modules: &'a BTreeMap<String, Module<'a>>,
}

/// A module's place in the model.
struct Place {
    layer: Option<u32>,
    /// The number of an expert.
    expert: Option<u32>,
    gguf: &'static str,
    change: Change,
}

impl Mapper<'_> {
    fn add(
        &self,
        name: &str,
        module: &Module<'_>,
        made: &mut Vec<Made>,
        experts: &mut BTreeMap<(u32, &'static str), BTreeMap<u32, Matrix>>,
    ) -> Result<(), HfError> {
        if self.ignored(name)? {
            return Ok(());
        }
        let places = self.places(name);
        if places.is_empty() {
            let model_type = self.config.text_opt("model_type")?.unwrap_or_default().to_owned();
            return Err(HfError::UnknownTensor { name: module.any_name(), model_type });
        }
        for place in places {
            let gguf = match place.layer {
                Some(layer) => format!("blk.{layer}.{}", place.gguf),
                None => place.gguf.to_owned(),
            };
            if let (Change::Expert, Some(layer), Some(expert)) = (place.change, place.layer, place.expert) {
                let shape = self.linear_shape(place.gguf);
                let matrix = self.quantization.matrix(name, module, shape)?;
                experts.entry((layer, place.gguf)).or_default().insert(expert, matrix);
                continue;
            }
            made.push(self.weight(name, &gguf, module, &place)?);
            if let Some(bias) = module.get("bias") {
                made.push(self.vector(&gguf, bias, place.change)?);
            }
        }
        Ok(())
    }

    fn weight(&self, name: &str, gguf: &str, module: &Module<'_>, place: &Place) -> Result<Made, HfError> {
        // A tensor of this name has no ending.
        let whole = place.gguf.ends_with(".bias") || place.gguf == "ssm_a";
        let gguf_name = if whole { gguf.to_owned() } else { format!("{gguf}.weight") };
        let own_shape = || {
            let found = module.get("weight").or(module.get(""));
            found.map(|found| found.tensor.shape.clone()).unwrap_or_default()
        };
        match place.change {
            // As other tools store them they are modules with a matrix of each projection.
            Change::Experts { first, of, stored } if module.get("").is_some() => {
                let (matrix, shape) = (plain(name, module)?, own_shape());
                experts_rows(gguf_name, matrix, shape, first, of, stored)
            }
            Change::Mxfp4Experts { first, of } => self.mxfp4(name, gguf_name, module, first, of),
            Change::ValueRows { .. } | Change::ValueDecays if own_shape().len() == 1 => {
                let mut matrix = plain(name, module)?;
                (matrix.rows, matrix.cols) = (matrix.cols, 1);
                self.apply(place.change, &mut matrix, 1)?;
                Made::stacked(gguf_name, own_shape(), vec![matrix])
            }
            Change::Squeeze | Change::SqueezeValueRows => {
                let (mut matrix, mut shape) = (plain(name, module)?, own_shape());
                if let [channels, a, b] = shape[..]
                    && a.min(b) == 1
                {
                    (matrix.rows, matrix.cols) = (channels, a.max(b));
                    shape = vec![matrix.rows, matrix.cols];
                }
                if place.change == Change::SqueezeValueRows {
                    self.value_rows(true, &mut matrix)?;
                }
                Made::stacked(gguf_name, shape, vec![matrix])
            }
            change => {
                let mut matrix = self.quantization.matrix(name, module, self.linear_shape(place.gguf))?;
                let shape = match matrix.storage {
                    Storage::Plain(_) => own_shape(),
                    Storage::Affine { .. } | Storage::Mxfp4 => {
                        let mut shape = own_shape();
                        shape.pop();
                        shape.push(matrix.cols);
                        shape
                    }
                    _ => vec![matrix.rows, matrix.cols],
                };
                self.apply(change, &mut matrix, shape.len())?;
                Made::stacked(gguf_name, shape, vec![matrix])
            }
        }
    }

    /// A bias, which is reordered as its weight's rows are.
    fn vector(&self, gguf: &str, bias: Found<'_>, change: Change) -> Result<Made, HfError> {
        let ty = float_type(bias, "F32, F16 or BF16")?;
        let shape = bias.tensor.shape.clone();
        let elements = shape.iter().product();
        let mut matrix = Matrix {
            rows: elements,
            cols: 1,
            storage: Storage::Plain(ty),
            spans: vec![bias.span()],
            order: RowOrder::AsStored,
            columns: None,
            map: ElementMap::Same,
        };
        if change == Change::RopePairs {
            self.apply(change, &mut matrix, 2)?;
        }
        Made::stacked(format!("{gguf}.bias"), shape, vec![matrix])
    }

    fn apply(&self, change: Change, matrix: &mut Matrix, dimensions: usize) -> Result<(), HfError> {
        match (change, self.sizes) {
            (Change::RopePairs, Some(Sizes { head_dim, .. })) if dimensions == 2 => {
                let head_dim = u64::from(head_dim);
                if head_dim % 2 != 0 || !matrix.rows.is_multiple_of(head_dim) {
                    let expected = "an even divisor of the rows of queries and keys";
                    let key = self.config.name("head_dim");
                    return Err(HfError::Setting { key, value: head_dim.to_string(), expected });
                }
                matrix.order = RowOrder::RopePairs { head_dim };
            }
            (Change::AddOne, _) if !self.has_ones() => matrix.map = ElementMap::AddOne,
            (Change::ValueRows { keys }, _) => self.value_rows(keys, matrix)?,
            (Change::ValueColumns, _) => matrix.columns = self.value_heads(0, matrix.cols)?,
            (Change::ValueDecays, _) => {
                self.value_rows(false, matrix)?;
                matrix.map = ElementMap::NegativeExp;
            }
            _ => {}
        }
        Ok(())
    }

    /// gpt-oss keeps the experts' matrices as blocks and scales.
    fn mxfp4(
        &self,
        name: &str,
        gguf_name: String,
        blocks: &Module<'_>,
        first: u64,
        of: u64,
    ) -> Result<Made, HfError> {
        let scales_name =
            name.strip_suffix("_blocks").map(|stem| format!("{stem}_scales")).unwrap_or_default();
        let why = "MXFP4 keeps its scales there";
        let scales = self.modules.get(&scales_name).and_then(|module| module.get(""));
        let scales = scales.ok_or(HfError::MissingTensor { name: scales_name, why: why.to_owned() })?;
        let blocks = blocks.need(name, "", why)?;
        let bytes = [sotto_format::Dtype::U8];
        blocks.expect_dtype(&bytes, "U8")?;
        scales.expect_dtype(&bytes, "U8")?;
        let [experts, rows, per_row, 16] = blocks.tensor.shape[..] else {
            let expected = "[experts, rows, blocks, 16]".to_owned();
            return Err(HfError::Shape {
                name: name.to_owned(),
                shape: blocks.tensor.shape.clone(),
                expected,
            });
        };
        scales.expect_shape(&[experts, rows, per_row])?;
        let cols = per_row.saturating_mul(32);
        let mut matrix = Matrix {
            rows: experts.saturating_mul(rows),
            cols,
            storage: Storage::Mxfp4,
            spans: vec![blocks.span(), scales.span()],
            order: RowOrder::AsStored,
            columns: None,
            map: ElementMap::Same,
        };
        pick(&mut matrix, rows, first, of, true);
        Made::stacked(gguf_name, vec![experts, rows / of.max(1), cols], vec![matrix])
    }

    fn experts(
        &self,
        layer: u32,
        gguf: &'static str,
        matrices: BTreeMap<u32, Matrix>,
    ) -> Result<Made, HfError> {
        let name = format!("blk.{layer}.{gguf}.weight");
        let count = matrices.len() as u32;
        if let Some(missing) = (0..count).find(|expert| !matrices.contains_key(expert)) {
            let why = format!("layer {layer} has experts of higher numbers than expert {missing}");
            return Err(HfError::MissingTensor { name, why });
        }
        let matrices: Vec<Matrix> = matrices.into_values().collect();
        let (rows, cols) = matrices.first().map_or((0, 0), |m| (m.rows, m.cols));
        if let Some(other) = matrices.iter().find(|m| (m.rows, m.cols) != (rows, cols)) {
            let shape = vec![other.rows, other.cols];
            return Err(HfError::Shape {
                name,
                shape,
                expected: format!("[{rows}, {cols}], as its first expert"),
            });
        }
        Made::stacked(name, vec![count.into(), rows, cols], matrices)
    }

    /// Where the module `name` belongs: nowhere, or in one place, or in several when it is several in one.
    fn places(&self, name: &str) -> Vec<Place> {
        let name = self.family.strip_prefix(name);
        let in_layer = name.strip_prefix(self.family.layers).and_then(|rest| {
            let (layer, module) = rest.split_once('.')?;
            Some((layer.parse::<u32>().ok()?, module))
        });
        let (layer, module) = match in_layer {
            Some((layer, module)) => (Some(layer), module),
            None => (None, name),
        };
        let (module, expert) = expert_of(module);
        let tables = if layer.is_some() { self.family.layer_names } else { self.family.names };
        for table in tables {
            let found: Vec<Place> = table
                .iter()
                .filter(|(hf, ..)| *hf == module)
                .map(|&(_, gguf, change)| Place { layer, expert, gguf, change })
                .collect();
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }

    /// Tensors that a text model does without.
    fn ignored(&self, name: &str) -> Result<bool, HfError> {
        const OTHER_SENSES: &[&str] =
            &["vision_tower.", "multi_modal_projector.", "visual.", "audio_tower.", "vision_model."];
        const DERIVED: &[&str] = &["rotary_emb.inv_freq", "_scales", "masked_bias", "position_ids"];
        let inner = name.strip_prefix("model.").unwrap_or(name);
        if OTHER_SENSES.iter().any(|part| inner.starts_with(part)) {
            return Ok(true);
        }
        if DERIVED.iter().any(|part| name.ends_with(part)) {
            return Ok(true);
        }
        let own = self.family.strip_prefix(name);
        if self.family.ignored.iter().any(|part| own.starts_with(part)) {
            return Ok(true);
        }
        // Tied: what stands there is a copy, or stale.
        let is_head = name == "lm_head" || name.ends_with(".lm_head");
        Ok(is_head && self.config.flag_opt("tie_word_embeddings")? == Some(true))
    }

    /// `[rows, cols]` of the usual projections, for formats that do not say.
    fn linear_shape(&self, gguf: &str) -> Option<[u64; 2]> {
        let Sizes { dim, n_heads, n_kv_heads, head_dim, hidden_dim, .. } = self.sizes?;
        let [dim, hidden] = [dim, hidden_dim].map(u64::from);
        let [q, kv] = [n_heads, n_kv_heads].map(|heads| u64::from(heads) * u64::from(head_dim));
        match gguf {
            "attn_q" => Some([q, dim]),
            "attn_k" | "attn_v" => Some([kv, dim]),
            "attn_qkv" => Some([q + 2 * kv, dim]),
            "attn_output" => Some([dim, q]),
            "ffn_gate" => Some([hidden, dim]),
            "ffn_up" => {
                let fused = self.family.architecture == "phi3";
                Some([if fused { 2 * hidden } else { hidden }, dim])
            }
            "ffn_down" => Some([dim, hidden]),
            _ => None,
        }
    }
}

/// A share of the rows of every expert; of a bias, `[experts, rows]`, of its elements.
fn experts_rows(
    name: String,
    mut matrix: Matrix,
    shape: Vec<u64>,
    first: u64,
    of: u64,
    stored: ExpertRows,
) -> Result<Made, HfError> {
    let transposed = matches!(stored, ExpertRows::ConsecutiveTransposed | ExpertRows::InterleavedTransposed);
    let interleaved = matches!(stored, ExpertRows::Interleaved | ExpertRows::InterleavedTransposed);
    let (experts, rows, cols) = match shape[..] {
        [experts, cols, rows] if transposed => (experts, rows, Some(cols)),
        [experts, rows, cols] => (experts, rows, Some(cols)),
        [experts, rows] => (experts, rows, None),
        _ => {
            let expected = "[experts, rows, columns]".to_owned();
            return Err(HfError::Shape { name, shape, expected });
        }
    };
    if let (Storage::Plain(ty), Some(_), true) = (&matrix.storage, cols, transposed) {
        matrix.storage = Storage::Transposed { ty: *ty, rows };
    }
    (matrix.rows, matrix.cols) = (experts.saturating_mul(rows), cols.unwrap_or(1));
    pick(&mut matrix, rows, first, of, interleaved);
    let shape = [experts, rows / of.max(1)].into_iter().chain(cols).collect();
    Made::stacked(name, shape, vec![matrix])
}

/// Takes of every `rows` rows one of `of` equal shares: every `of`-th row where they are interleaved, else a run.
fn pick(matrix: &mut Matrix, rows: u64, first: u64, of: u64, interleaved: bool) {
    if of <= 1 || rows == 0 {
        return;
    }
    let count = rows / of;
    let (first, step) = if interleaved { (first, of) } else { (first * count, 1) };
    matrix.order = RowOrder::Pick { period: rows, first, step, count };
    matrix.rows = matrix.rows / rows * count;
}

/// `mlp.experts.7.up_proj` to `mlp.experts.*.up_proj` and 7.
fn expert_of(module: &str) -> (String, Option<u32>) {
    const EXPERTS: &str = "experts.";
    let parsed = module.find(EXPERTS).and_then(|at| {
        let (before, rest) = module.split_at(at + EXPERTS.len());
        let (number, after) = rest.split_once('.')?;
        Some((format!("{before}*.{after}"), number.parse::<u32>().ok()?))
    });
    match parsed {
        Some((module, expert)) => (module, Some(expert)),
        None => (module.to_owned(), None),
    }
}

/// Embedding, layers in order, then the rest.
fn natural_order(name: &str) -> (u8, u32, String) {
    let layer = name.strip_prefix("blk.").and_then(|rest| rest.split('.').next()?.parse().ok());
    match layer {
        Some(layer) => (1, layer, name.to_owned()),
        None if name.starts_with("output") => (2, 0, name.to_owned()),
        None => (0, 0, name.to_owned()),
    }
}
