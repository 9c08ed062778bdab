//! Which stored row each row of a tensor is, and which stored column each column.

/// Heads that are stored group by group, put in turns: the first of each group, then the second of each. What llama.cpp's
/// converter does to value heads, of which several share a key head (`_LinearAttentionVReorderBase`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InTurns {
    /// What comes before the heads stays.
    pub first: u64,
    /// Groups.
    pub groups: u64,
    /// Heads of a group.
    pub heads: u64,
    /// Rows or columns of a head.
    pub length: u64,
}

impl InTurns {
    /// The stored place of what stands at `at`.
    pub(super) fn stored(self, at: u64) -> u64 {
        let Some(place) = at.checked_sub(self.first) else { return at };
        let (head, within) = (place / self.length, place % self.length);
        let (turn, group) = (head / self.groups, head % self.groups);
        self.first + (group * self.heads + turn) * self.length + within
    }
}

/// A reordering of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOrder {
    /// The stored rows.
    AsStored,
    /// Rows of heads whose RoPE pairs are stored half a head apart, put side by side: in each head of
    /// `head_dim` rows, row `2 j + k` is stored row `k head_dim / 2 + j`. What llama.cpp's converter does to Llama's
    /// queries and keys.
    RopePairs {
        /// Rows of a head; even.
        head_dim: u64,
    },
    /// Heads in turns.
    InTurns(InTurns),
    /// Of every `period` stored rows those at `first`, `first + step`, ..., `count` of them.
    Pick {
        /// Stored rows after which the choice repeats.
        period: u64,
        /// The first row taken.
        first: u64,
        /// From one row taken to the next.
        step: u64,
        /// Rows taken a period.
        count: u64,
    },
}

impl RowOrder {
    /// The stored row that row `row` of the result is.
    pub(super) fn stored(self, row: u64) -> u64 {
        match self {
            RowOrder::AsStored => row,
            RowOrder::InTurns(order) => order.stored(row),
            RowOrder::RopePairs { head_dim } => {
                let (head, at) = (row / head_dim, row % head_dim);
                head * head_dim + at % 2 * (head_dim / 2) + at / 2
            }
            RowOrder::Pick { period, first, step, count } => {
                row / count * period + first + row % count * step
            }
        }
    }
}
