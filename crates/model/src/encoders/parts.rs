//! What encoders share: embeddings, attention that looks both ways, non-linearities by name, and the head.

use sotto_plan::{Gated, Map, Plan, Rope, TableRow, ValueId};

use crate::layer::Heads;
use crate::{ModelError, Pooling, Source, Task};

/// Token embeddings, and where the file has segment embeddings that of the first segment.
pub(super) fn embedding(source: &mut Source<'_>) -> Result<ValueId, ModelError> {
    const SEGMENTS: &str = "token_types.weight";
    let x = source.embed(1.0)?;
    let Some(shape) = source.b.shape_of(SEGMENTS) else { return Ok(x) };
    // llama.cpp keeps a table of one segment as a vector.
    let shape: Vec<usize> = match *shape {
        [_] => vec![source.h.dim],
        [segments, ..] => vec![segments as usize, source.h.dim],
        [] => Vec::new(),
    };
    let table = source.b.weight(SEGMENTS, &shape)?;
    Ok(source.b.add_row(x, table, TableRow::Always(0))?)
}

/// Heads that see the whole text, or with `window` the keys less than so many positions away.
pub(super) fn heads(source: &mut Source<'_>, rope: Option<Rope>, window: Option<u32>) -> Heads {
    let h = &source.h;
    let cache = source.b.shared_cache(h.n_kv_heads, h.head_dim);
    Heads { rope, window, both_ways: Some(cache), ..Heads::unturned(h.head_dim) }
}

/// The non-linearity that `hidden_activation` names as transformers' `ACT2FN` does. Files of llama.cpp's leave
/// it out, and then it is `default`.
pub(super) fn activation(source: &Source<'_>, default: &'static str) -> Result<Map, ModelError> {
    match source.keys.str_or(ACTIVATION, default)? {
        "gelu" => Ok(Map::Gelu),
        "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Ok(Map::GeluTanh),
        "relu" => Ok(Map::Relu),
        "silu" | "swish" => Ok(Map::Silu),
        other => {
            let supported = "gelu, gelu_new, gelu_pytorch_tanh, gelu_fast, relu, silu, swish";
            Err(source.keys.unsupported(ACTIVATION, other.to_owned(), supported))
        }
    }
}

/// As [`activation`], of a gated feed-forward layer.
pub(super) fn gate(source: &Source<'_>, default: &'static str) -> Result<Gated, ModelError> {
    match activation(source, default)? {
        Map::Gelu => Ok(Gated::Gelu),
        Map::GeluTanh => Ok(Gated::GeluTanh),
        Map::Silu => Ok(Gated::Silu),
        _ => {
            let found = source.keys.str_or(ACTIVATION, default)?.to_owned();
            Err(source.keys.unsupported(
                ACTIVATION,
                found,
                "gelu, gelu_new and silu where the layer is gated",
            ))
        }
    }
}

const ACTIVATION: &str = "hidden_activation";

/// Ends a plan: a classifier of tokens where the file has one (`cls.output` and labels), after a dense layer and norm where
/// it has those (`cls`, `cls.norm`), else the states themselves.
pub(super) fn finish(mut source: Source<'_>, states: ValueId) -> Result<(Plan, Task), ModelError> {
    let mut x = source.b.select_outputs(states);
    let Some(labels) = source.keys.strings("classifier.output_labels") else {
        let pooling = pooling(&source)?;
        let normalise = source.keys.flag_or("pooling_normalise", true)?;
        return Ok((source.finish(x), Task::Embed { pooling, normalise }));
    };
    let (n_labels, dim) = (labels.len(), source.h.dim);
    let dense_activation = activation(&source, "gelu")?;
    let mut head = source.outside();
    if head.has("cls") {
        x = head.linear("cls", x, [dim, dim])?;
        x = head.b.map(dense_activation, x);
    }
    if head.has("cls.norm") {
        x = head.layer_norm("cls.norm", x)?;
    }
    let logits = head.linear("cls.output", x, [n_labels, dim])?;
    Ok((source.finish(logits), Task::ClassifyTokens { labels: labels.to_vec() }))
}

/// As llama.cpp counts them. Its converter leaves the key out where modules.json is missing, and then means the mean.
fn pooling(source: &Source<'_>) -> Result<Pooling, ModelError> {
    const KEY: &str = "pooling_type";
    match source.keys.u32_or(KEY, 1)? {
        0 | 1 => Ok(Pooling::Mean),
        2 => Ok(Pooling::Cls),
        3 => Ok(Pooling::Last),
        other => Err(source.keys.unsupported(KEY, other.to_string(), "1 (mean), 2 (cls), 3 (last)")),
    }
}
