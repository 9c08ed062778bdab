//! The vocabulary of a model's computation.
//!
//! A [`Plan`] is a flat list of operations over named weights, activations and KV caches. It computes
//! nothing: an architecture writes one, backends read it. The plain interpreter runs the list as it
//! stands; the GPU lowers and fuses it. Both read the same plan, which is why one checks the other.
//!
//! Activations are two-dimensional, `[rows, width]` in row-major order, where `rows` is the number of
//! tokens of the step ([`Rows::Tokens`]) or of those whose output is wanted ([`Rows::Outputs`]).
//! Each operation that yields an activation yields a new one (static single assignment), so a
//! backend can see every use of a value when it plans memory or fuses.

mod builder;
mod display;
mod error;
mod op;
pub mod sampling;

pub use builder::PlanBuilder;
pub use error::PlanError;
pub use op::{Attention, DeltaNet, Factors, Gated, Growth, Map, Op, Relative, Rope, RopeLayout, TableRow};
pub use sampling::Sampling;

use sotto_format::BlockType;

/// Tokens of a decode step at most: the last one of a reply, and drafts of what follows. Of more rows products are no cheaper
/// by the row.
pub const DECODE_TOKENS: usize = 8;

/// Index of a weight in [`Plan::weights`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WeightId(pub u32);

/// Index of an activation in [`Plan::values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub u32);

/// Index of a KV cache in [`Plan::caches`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CacheId(pub u32);

/// Index of a table of numbers in [`Plan::tables`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub u32);

/// Index of a state in [`Plan::states`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StateId(pub u32);

/// A tensor of the model file, or a range of its rows: `rows` rows of `cols` elements, the last dimension contiguous.
/// One-dimensional tensors have one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// The tensor's name in the file.
    pub name: String,
    /// Number of rows: the outputs of a projection, the vocabulary of an embedding table.
    pub rows: usize,
    /// Elements a row: the inputs of a projection.
    pub cols: usize,
    /// How the elements are stored in the file.
    pub ty: BlockType,
    /// Bytes of the tensor before the first of these rows: 0 but where a tensor is read in parts, such as
    /// the queries of a fused projection.
    pub offset: u64,
}

impl Weight {
    /// Bytes of one row as stored in the file. A row is a whole number of blocks.
    pub fn row_bytes(&self) -> usize {
        self.cols / self.ty.block_len() * self.ty.block_bytes()
    }

    /// Bytes of all its rows as stored in the file.
    pub fn bytes(&self) -> u64 {
        self.rows as u64 * self.row_bytes() as u64
    }
}

/// How many rows an activation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rows {
    /// One a token of the step.
    Tokens,
    /// One a token whose output was asked for: none, the last, or all.
    Outputs,
    /// Always so many: those of a table.
    Fixed(u32),
}

/// Which tokens of a step give an output row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outputs {
    /// None: the step only fills the caches.
    None,
    /// The last token.
    Last,
    /// Every token.
    All,
}

impl Outputs {
    /// The first of `n_tokens` tokens that gives an output row; all after it do too.
    pub fn first(self, n_tokens: usize) -> usize {
        match self {
            Outputs::None => n_tokens,
            Outputs::Last => n_tokens.saturating_sub(1),
            Outputs::All => 0,
        }
    }
}

/// An activation: `[rows, width]` of f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// Number of rows, known when a step runs.
    pub rows: Rows,
    /// Elements a row.
    pub width: usize,
}

/// Keys and values of one layer: two tensors `[position, n_kv_heads, head_dim]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvCache {
    /// Key/value heads.
    pub n_kv_heads: usize,
    /// Elements a head.
    pub head_dim: usize,
}

/// What an operation remembers of the positions before a step: the last `rows` rows of one activation.
///
/// A backend that keeps no more than that cannot go back to any earlier position; it then forgets all
/// (see each backend's `truncate`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Rows that the operation reads.
    pub rows: usize,
    /// Elements a row.
    pub width: usize,
    /// Whether the row is no activation's but made of the row before it, so that there is only the last: one row, and no
    /// way back but to nothing.
    pub made_over: bool,
}

/// A model's computation for one step of `n` tokens at positions `start..start + n`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Tensors that are read.
    pub weights: Vec<Weight>,
    /// Activations, each written by one operation.
    pub values: Vec<Value>,
    /// KV caches, kept from step to step.
    pub caches: Vec<KvCache>,
    /// What operations remember of earlier positions besides keys and values.
    pub states: Vec<State>,
    /// Numbers that were computed when the plan was made.
    pub tables: Vec<Vec<f32>>,
    /// Operations, in the order they run.
    pub ops: Vec<Op>,
    /// The activation that is the step's result: logits `[outputs, vocab]`.
    pub output: Option<ValueId>,
}

impl Plan {
    /// The weight `id` names.
    ///
    /// # Panics
    /// If `id` is of another plan.
    pub fn weight(&self, id: WeightId) -> &Weight {
        &self.weights[id.0 as usize]
    }

    /// The activation `id` names.
    ///
    /// # Panics
    /// If `id` is of another plan.
    pub fn value(&self, id: ValueId) -> Value {
        self.values[id.0 as usize]
    }

    /// The cache `id` names.
    ///
    /// # Panics
    /// If `id` is of another plan.
    pub fn cache(&self, id: CacheId) -> KvCache {
        self.caches[id.0 as usize]
    }

    /// The state `id` names.
    ///
    /// # Panics
    /// If `id` is of another plan.
    pub fn state(&self, id: StateId) -> State {
        self.states[id.0 as usize]
    }

    /// The numbers `id` names.
    ///
    /// # Panics
    /// If `id` is of another plan.
    pub fn table(&self, id: TableId) -> &[f32] {
        &self.tables[id.0 as usize]
    }

    /// Width of the result: the vocabulary size, or the number of labels. 0 when there is no output.
    pub fn output_width(&self) -> usize {
        self.output.map_or(0, |id| self.value(id).width)
    }

    /// Whether some attention looks ahead. A step then holds a whole sequence: it begins at position 0, all its tokens run
    /// together, and nothing can be appended to it.
    pub fn is_bidirectional(&self) -> bool {
        self.ops.iter().any(|op| {
            matches!(op, Op::Attention { attention, .. } | Op::RelativeAttention { attention, .. } if !attention.causal)
        })
    }

    /// Whether some operation makes its state over at each token, so that no position can be gone back to.
    pub fn is_recurrent(&self) -> bool {
        self.states.iter().any(|state| state.made_over)
    }

    /// Positions that the model's position tables have rows for; `None` where nothing limits them.
    pub fn max_positions(&self) -> Option<usize> {
        let rows = |op: &Op| match *op {
            Op::AddRow { table, row: TableRow::Position(first), .. } => {
                Some(self.weight(table).rows.saturating_sub(first))
            }
            Op::RelativeAttention { relative, .. } => Some(self.table(relative.buckets).len()),
            _ => None,
        };
        self.ops.iter().filter_map(rows).min()
    }

    /// Bytes of all weights as stored in the file.
    pub fn weight_bytes(&self) -> u64 {
        self.weights.iter().map(Weight::bytes).sum()
    }
}

#[cfg(test)]
mod tests;
