//! Linear attention in folders: the order of value heads, and what mlx-lm has changed already.

use sotto_format::{InTurns, Matrix, RowOrder};

use super::HfError;
use super::tensors::Mapper;

impl Mapper<'_> {
    /// Whether 1 was added to norms already: mlx-lm does that to Qwen3.5's, and puts a convolution's taps second.
    /// Source: mlx-lm, `models/qwen3_5.py` (`sanitize`).
    pub fn has_ones(&self) -> bool {
        self.modules.iter().any(|(name, module)| {
            let conv = module.get("weight").filter(|_| name.ends_with("linear_attn.conv1d"));
            conv.is_some_and(|conv| conv.tensor.shape.len() == 3 && conv.tensor.shape[2] == 1)
        })
    }

    /// Has the rows of value heads take turns; with `keys` they stand behind the rows of queries and keys.
    pub fn value_rows(&self, keys: bool, matrix: &mut Matrix) -> Result<(), HfError> {
        let first = match keys {
            true => {
                let heads = u64::from(self.config.size("linear_num_key_heads")?);
                2 * heads * u64::from(self.config.size("linear_key_head_dim")?)
            }
            false => 0,
        };
        if let Some(order) = self.value_heads(first, matrix.rows)? {
            matrix.order = RowOrder::InTurns(order);
        }
        Ok(())
    }

    /// The order of value heads that stand from `first` on to `end`; `None` where each has a key head of its own.
    pub fn value_heads(&self, first: u64, end: u64) -> Result<Option<InTurns>, HfError> {
        let size = |key| Ok::<_, HfError>(u64::from(self.config.size(key)?));
        let (groups, all) = (size("linear_num_key_heads")?, size("linear_num_value_heads")?);
        let length = end.saturating_sub(first) / all.max(1);
        if groups == 0
            || all == 0
            || !all.is_multiple_of(groups)
            || length == 0
            || first + length * all != end
        {
            return Err(HfError::Setting {
                key: self.config.name("linear_num_value_heads"),
                value: all.to_string(),
                expected: "a multiple of linear_num_key_heads, and a divisor of the tensors' rows",
            });
        }
        Ok((groups != all).then_some(InTurns { first, groups, heads: all / groups, length }))
    }
}
