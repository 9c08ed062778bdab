//! What one kernel (or one for each part of a large matrix) computes: a plan's operation, or several fused.

use sotto_plan::{Attention, CacheId, Gated, Op, Rope, TableRow, ValueId, WeightId};

/// The weight and epsilon of a norm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Norm {
    pub weight: WeightId,
    pub eps: f32,
}

/// A projection's weight and bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Projection {
    pub weight: WeightId,
    pub bias: Option<WeightId>,
}

/// A kernel's work. As [`Op`] where the names are the same.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Embed {
        table: WeightId,
        scale: f32,
        out: ValueId,
    },
    AddRow {
        x: ValueId,
        table: WeightId,
        row: TableRow,
        out: ValueId,
    },
    LayerNorm {
        x: ValueId,
        norm: Norm,
        bias: Option<WeightId>,
        out: ValueId,
    },
    RmsNorm {
        x: ValueId,
        norm: Norm,
        out: ValueId,
    },
    /// `out = residual + bias + weight . norm(x)`
    Linear {
        x: ValueId,
        norm: Option<Norm>,
        projection: Projection,
        residual: Option<ValueId>,
        out: ValueId,
    },
    /// `out = kind(gate . norm(x)) * (up . norm(x))`
    GatedLinear {
        x: ValueId,
        norm: Option<Norm>,
        gate: WeightId,
        up: WeightId,
        kind: Gated,
        out: ValueId,
    },
    /// `out = rope(q . norm(x))`, and the cache takes `rope(k . norm(x))` and `v . norm(x)`.
    Qkv {
        x: ValueId,
        norm: Option<Norm>,
        qkv: [Projection; 3],
        rope: Rope,
        cache: CacheId,
        out: ValueId,
    },
    Rope {
        x: ValueId,
        rope: Rope,
        out: ValueId,
    },
    KvWrite {
        k: ValueId,
        v: ValueId,
        cache: CacheId,
    },
    Attention {
        q: ValueId,
        cache: CacheId,
        attention: Attention,
        out: ValueId,
    },
    Gated {
        kind: Gated,
        gate: ValueId,
        up: ValueId,
        out: ValueId,
    },
    Add {
        a: ValueId,
        b: ValueId,
        out: ValueId,
    },
    SelectOutputs {
        x: ValueId,
        out: ValueId,
    },
    /// An operation that no fusion knows.
    Plain(Op),
}

impl Node {
    /// The node that does what `op` does and nothing else.
    pub fn of(op: &Op) -> Node {
        match *op {
            Op::Embed { table, scale, out } => Node::Embed { table, scale, out },
            Op::AddRow { x, table, row, out } => Node::AddRow { x, table, row, out },
            Op::LayerNorm { x, weight, bias, eps, out } => {
                Node::LayerNorm { x, norm: Norm { weight, eps }, bias, out }
            }
            Op::RmsNorm { x, weight, eps, out } => Node::RmsNorm { x, norm: Norm { weight, eps }, out },
            Op::Linear { x, weight, bias, out } => {
                Node::Linear { x, norm: None, projection: Projection { weight, bias }, residual: None, out }
            }
            Op::Rope { x, rope, out } => Node::Rope { x, rope, out },
            Op::KvWrite { k, v, cache } => Node::KvWrite { k, v, cache },
            Op::Attention { q, cache, attention, out } => Node::Attention { q, cache, attention, out },
            Op::Gated { kind, gate, up, out } => Node::Gated { kind, gate, up, out },
            Op::Add { a, b, out } => Node::Add { a, b, out },
            Op::SelectOutputs { x, out } => Node::SelectOutputs { x, out },
            ref op => Node::Plain(op.clone()),
        }
    }

    /// The activation it yields.
    pub fn out(&self) -> Option<ValueId> {
        match *self {
            Node::KvWrite { .. } => None,
            Node::Plain(ref op) => op.out(),
            Node::Embed { out, .. }
            | Node::AddRow { out, .. }
            | Node::LayerNorm { out, .. }
            | Node::RmsNorm { out, .. }
            | Node::Linear { out, .. }
            | Node::GatedLinear { out, .. }
            | Node::Qkv { out, .. }
            | Node::Rope { out, .. }
            | Node::Attention { out, .. }
            | Node::Gated { out, .. }
            | Node::Add { out, .. }
            | Node::SelectOutputs { out, .. } => Some(out),
        }
    }

    /// The activations it reads.
    pub fn inputs(&self) -> impl Iterator<Item = ValueId> {
        let pair = match *self {
            Node::Embed { .. } => [None, None, None],
            Node::AddRow { x, .. }
            | Node::LayerNorm { x, .. }
            | Node::RmsNorm { x, .. }
            | Node::GatedLinear { x, .. }
            | Node::Qkv { x, .. }
            | Node::Rope { x, .. }
            | Node::SelectOutputs { x, .. }
            | Node::Attention { q: x, .. } => [Some(x), None, None],
            Node::Linear { x, residual, .. } => [Some(x), residual, None],
            Node::KvWrite { k: a, v: b, .. }
            | Node::Gated { gate: a, up: b, .. }
            | Node::Add { a, b, .. } => [Some(a), Some(b), None],
            Node::Plain(ref op) => {
                let mut inputs = op.inputs();
                [inputs.next(), inputs.next(), inputs.next()]
            }
        };
        pair.into_iter().flatten()
    }

    /// Reads `new` where it read `old`.
    pub fn replace_input(&mut self, old: ValueId, new: ValueId) {
        let replace = |value: &mut ValueId| {
            if *value == old {
                *value = new;
            }
        };
        match self {
            Node::Embed { .. } => {}
            Node::AddRow { x, .. }
            | Node::LayerNorm { x, .. }
            | Node::RmsNorm { x, .. }
            | Node::GatedLinear { x, .. }
            | Node::Qkv { x, .. }
            | Node::Rope { x, .. }
            | Node::SelectOutputs { x, .. }
            | Node::Attention { q: x, .. } => replace(x),
            Node::Linear { x, residual, .. } => {
                replace(x);
                residual.iter_mut().for_each(replace);
            }
            Node::KvWrite { k: a, v: b, .. }
            | Node::Gated { gate: a, up: b, .. }
            | Node::Add { a, b, .. } => {
                replace(a);
                replace(b);
            }
            Node::Plain(op) => op.inputs_mut().for_each(replace),
        }
    }
}
