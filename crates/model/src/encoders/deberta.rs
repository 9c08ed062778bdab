//! DeBERTa v2 and v3: BERT whose attention tells how far apart two tokens are, from one table of distances that all
//! layers project with their own matrices. Distances share buckets, the wider the further they are.
//! Source: He et al., "DeBERTaV3", 2021; transformers' `deberta_v2`.

use sotto_plan::{Attention, Plan, Relative};

use super::parts::{activation, embedding, finish};
use crate::{ModelError, Source, Task};

pub(super) fn plan(mut source: Source<'_>) -> Result<(Plan, Task), ModelError> {
    let (dim, hidden, n_heads) = (source.h.dim, source.h.hidden_dim, source.h.n_heads);
    let activation = activation(&source, "gelu")?;
    let furthest = source.keys.size_or("attention.max_relative_positions", source.h.context_length)?;
    let n_buckets = source.keys.u32_or("attention.relative_buckets", 0)?;
    let span = if n_buckets > 0 { n_buckets } else { furthest as u32 };
    let buckets = (0..source.h.context_length).map(|d| bucket(d as u32, n_buckets, furthest)).collect();
    let buckets = source.b.table(buckets);

    let mut x = embedding(&mut source)?;
    x = source.outside().layer_norm("token_embd_norm", x)?;
    let table = source.b.weight("rel_embd.weight", &[2 * span as usize, dim])?;
    let mut distances = source.b.table_rows(table);
    if source.outside().has("rel_embd_norm") {
        distances = source.outside().layer_norm("rel_embd_norm", distances)?;
    }
    let cache = source.b.shared_cache(n_heads, source.h.head_dim);
    // Three kinds of product add up to a score.
    let scale = 1.0 / (3.0 * source.h.head_dim as f32).sqrt();
    let attention = Attention { n_heads, scale, causal: false, window: None, softcap: None, sinks: None };
    for index in 0..source.h.n_layers {
        let mut layer = source.layer(index);
        let [q, k, v] = ["attn_q", "attn_k", "attn_v"].map(|name| layer.linear(name, x, [dim, dim]));
        let (q, k, v) = (q?, k?, v?);
        let keys = layer.linear("attn_k", distances, [dim, dim])?;
        let queries = layer.linear("attn_q", distances, [dim, dim])?;
        layer.b.kv_write(k, v, cache)?;
        let mixed =
            layer.b.relative_attention(q, cache, Relative { keys, queries, buckets, span }, attention)?;
        let mixed = layer.linear("attn_output", mixed, [dim, dim])?;
        x = layer.b.add(x, mixed)?;
        x = layer.layer_norm("attn_output_norm", x)?;
        let inner = layer.linear("ffn_up", x, [hidden, dim])?;
        let inner = layer.b.map(activation, inner);
        let out = layer.linear("ffn_down", inner, [dim, hidden])?;
        x = layer.b.add(x, out)?;
        x = layer.layer_norm("layer_output_norm", x)?;
    }
    finish(source, x)
}

/// The bucket of a distance: the distance itself up to half the buckets, from there on by its logarithm; without
/// buckets always itself. In f32, as transformers' `make_log_bucket_position` computes it.
fn bucket(distance: u32, n_buckets: u32, furthest: usize) -> f32 {
    let (distance, middle) = (distance as f32, (n_buckets / 2) as f32);
    if n_buckets == 0 || distance <= middle {
        return distance;
    }
    let share = (distance / middle).ln() / ((furthest as f32 - 1.0) / middle).ln();
    (share * (middle - 1.0)).ceil() + middle
}
