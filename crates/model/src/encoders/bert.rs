//! BERT and what differs from it by numbers only: RoBERTa and XLM-R (positions counted from row 2), DistilBERT (no
//! segments), MiniLM and the sentence encoders made of them. Norms come after the residual sums.
//! Source: Devlin et al., "BERT", 2019; llama.cpp's `bert` files, whose names these are.

use sotto_plan::{Plan, TableRow};

use super::parts::{activation, embedding, finish, heads};
use crate::{ModelError, Source, Task};

const POSITIONS: &str = "position_embd.weight";

pub(super) fn plan(mut source: Source<'_>) -> Result<(Plan, Task), ModelError> {
    let (dim, hidden) = (source.h.dim, source.h.hidden_dim);
    let activation = activation(&source, "gelu")?;
    let first = source.keys.u32_or("position_embedding_offset", 0)? as usize;
    let mut x = embedding(&mut source)?;
    let rows = source.b.shape_of(POSITIONS).and_then(|shape| shape.first()).map_or(0, |&rows| rows as usize);
    let positions = source.b.weight(POSITIONS, &[rows, dim])?;
    x = source.b.add_row(x, positions, TableRow::Position(first))?;
    x = source.outside().layer_norm("token_embd_norm", x)?;
    let heads = heads(&mut source, None, None);
    for index in 0..source.h.n_layers {
        let mut layer = source.layer(index);
        let mixed = layer.attention(x, &heads)?;
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
