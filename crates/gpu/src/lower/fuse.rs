//! Fusion: finds operations of a plan that one kernel can do together.
//!
//! A plan is in single-assignment form, so a fusion is right when the values it makes disappear have no other
//! use. Each rule replaces nodes by one that stands where the last of them stood.

use sotto_plan::{Op, Plan, ValueId, WeightId};

use super::node::{Node, Projection};

/// Which fusions a program takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fusions {
    /// A residual add into the projection before it.
    pub residual: bool,
    /// What only `matvec.wgsl` and `qkv.wgsl` can: norms, gates, and Q, K, V with RoPE and the KV write.
    pub matvec: bool,
    /// Whether Q, K and V with biases fuse too: it takes one storage buffer more than every device has.
    pub biased_qkv: bool,
    /// The program runs one token and wants its output, so there is nothing to select.
    pub one_row: bool,
}

impl Fusions {
    pub const NONE: Fusions = Fusions { residual: false, matvec: false, biased_qkv: false, one_row: false };
    pub const MATMUL: Fusions = Fusions { residual: true, ..Fusions::NONE };
    pub const MATVEC: Fusions = Fusions { matvec: true, ..Fusions::MATMUL };
    pub const ONE_ROW: Fusions = Fusions { one_row: true, ..Fusions::MATVEC };
}

/// Whether weights can lie in one matrix, one after the other.
pub(crate) type CanGroup<'a> = &'a dyn Fn(&[WeightId]) -> bool;

/// The nodes of `plan`, fused.
pub(crate) fn fuse(plan: &Plan, fusions: Fusions, can_group: CanGroup<'_>) -> Vec<Node> {
    let mut graph =
        Graph { nodes: plan.ops.iter().map(|op| Some(Node::of(op))).collect(), plan, can_group, fusions };
    if fusions.one_row {
        graph.each(Graph::skip_selection);
    }
    if fusions.matvec {
        graph.each(Graph::fuse_gated);
        graph.each(Graph::fuse_qkv);
        graph.each(Graph::fuse_norm);
    }
    if fusions.residual {
        graph.each(Graph::fuse_residual);
    }
    graph.nodes.into_iter().flatten().collect()
}

struct Graph<'a> {
    fusions: Fusions,
    /// In the plan's order; `None` where a node went into a later one.
    nodes: Vec<Option<Node>>,
    plan: &'a Plan,
    can_group: CanGroup<'a>,
}

impl Graph<'_> {
    fn each(&mut self, rule: impl Fn(&mut Self, usize) -> Option<()>) {
        for at in 0..self.nodes.len() {
            // `None` only says that the rule does not apply.
            let _ = rule(self, at);
        }
    }

    fn node(&self, at: usize) -> Option<&Node> {
        self.nodes[at].as_ref()
    }

    fn producer(&self, value: ValueId) -> Option<usize> {
        self.nodes.iter().position(|n| n.as_ref().and_then(Node::out) == Some(value))
    }

    fn users(&self, value: ValueId) -> Vec<usize> {
        let uses = |n: &Node| n.inputs().any(|input| input == value);
        (0..self.nodes.len()).filter(|&at| self.node(at).is_some_and(uses)).collect()
    }

    /// Whether `value` is read once and is not the plan's result.
    fn single_use(&self, value: ValueId) -> bool {
        let uses = |n: &Node| n.inputs().filter(|&input| input == value).count();
        self.plan.output != Some(value) && self.nodes.iter().flatten().map(uses).sum::<usize>() == 1
    }

    /// The plain projection that yields `value` for one use: its node, input and projection.
    fn projection(&self, value: ValueId) -> Option<(usize, ValueId, Projection)> {
        let at = self.producer(value)?;
        match *self.node(at)? {
            Node::Linear { x, norm: None, projection, residual: None, .. } if self.single_use(value) => {
                Some((at, x, projection))
            }
            _ => None,
        }
    }

    fn skip_selection(&mut self, at: usize) -> Option<()> {
        let &Node::SelectOutputs { x, out } = self.node(at)? else { return None };
        if self.plan.output == Some(out) {
            return None;
        }
        self.nodes[at] = None;
        self.nodes.iter_mut().flatten().for_each(|node| node.replace_input(out, x));
        Some(())
    }

    fn fuse_gated(&mut self, at: usize) -> Option<()> {
        let &Node::Gated { kind, gate, up, out } = self.node(at)? else { return None };
        let (gate_at, x, gate) = self.projection(gate)?;
        let (up_at, x_up, up) = self.projection(up)?;
        let plain = gate.bias.is_none() && up.bias.is_none() && x == x_up;
        if !plain || !(self.can_group)(&[gate.weight, up.weight]) {
            return None;
        }
        self.nodes[gate_at] = None;
        self.nodes[up_at] = None;
        self.nodes[at] =
            Some(Node::GatedLinear { x, norm: None, gate: gate.weight, up: up.weight, kind, out });
        Some(())
    }

    /// `at` is a KV write: looks for the attention that reads the same cache next.
    fn fuse_qkv(&mut self, at: usize) -> Option<()> {
        let &Node::KvWrite { k, v, cache } = self.node(at)? else { return None };
        let reads = |n: &&Option<Node>| matches!(n, Some(Node::Attention { cache: c, .. }) if *c == cache);
        let &Some(Node::Attention { q: out, .. }) = self.nodes[at..].iter().find(reads)? else { return None };
        let (q_rope_at, k_rope_at) = (self.producer(out)?, self.producer(k)?);
        let &Node::Rope { x: q, rope, .. } = self.node(q_rope_at)? else { return None };
        let &Node::Rope { x: k, rope: k_rope, out: k_turned } = self.node(k_rope_at)? else { return None };
        let (q_at, x, q) = self.projection(q)?;
        let (k_at, x_k, k) = self.projection(k)?;
        let (v_at, x_v, v) = self.projection(v)?;
        let head_dim = self.plan.cache(cache).head_dim;
        // Four rows of the weight at a time make two pairs, which are two whole words of an f16 cache.
        let whole = head_dim.is_multiple_of(4)
            && rope.rotary_dim.is_multiple_of(4)
            && rope.head_dim == head_dim
            && rope.rotary_dim <= MAX_ROTARY_DIM;
        let biases = [q, k, v].map(|p| p.bias.is_some());
        let biases_fit = biases == [false; 3] || (biases == [true; 3] && self.fusions.biased_qkv);
        let same =
            x == x_k && x == x_v && rope == k_rope && rope.growth.is_none() && self.single_use(k_turned);
        if !(same
            && whole
            && biases_fit
            && (self.can_group)(&[q.weight, k.weight])
            && (self.can_group)(&[v.weight]))
        {
            return None;
        }
        for gone in [q_at, k_at, v_at, q_rope_at, k_rope_at] {
            self.nodes[gone] = None;
        }
        self.nodes[at] = Some(Node::Qkv { x, norm: None, qkv: [q, k, v], rope, cache, out });
        Some(())
    }

    fn fuse_norm(&mut self, at: usize) -> Option<()> {
        let &Node::RmsNorm { x, norm, out } = self.node(at)? else { return None };
        let whole_row = self.plan.weight(norm.weight).cols == self.plan.value(x).width;
        let users = self.users(out);
        let takes = |user: &usize| match self.node(*user) {
            Some(Node::Linear { x, norm: None, residual, .. }) => *x == out && *residual != Some(out),
            Some(Node::GatedLinear { norm: None, .. } | Node::Qkv { norm: None, .. }) => true,
            _ => false,
        };
        if !whole_row || users.is_empty() || self.plan.output == Some(out) || !users.iter().all(takes) {
            return None;
        }
        for user in users {
            if let Some(node) = &mut self.nodes[user] {
                node.replace_input(out, x);
                if let Node::Linear { norm: taken, .. }
                | Node::GatedLinear { norm: taken, .. }
                | Node::Qkv { norm: taken, .. } = node
                {
                    *taken = Some(norm);
                }
            }
        }
        self.nodes[at] = None;
        Some(())
    }

    fn fuse_residual(&mut self, at: usize) -> Option<()> {
        let &Node::Add { a, b, out } = self.node(at)? else { return None };
        let (value, other) = [(b, a), (a, b)].into_iter().find(|&(value, _)| {
            let produced = self.producer(value).and_then(|at| self.node(at));
            a != b && self.single_use(value) && matches!(produced, Some(Node::Linear { residual: None, .. }))
        })?;
        let linear = self.producer(value)?;
        let Some(Node::Linear { x, norm, projection, .. }) = self.nodes[linear].take() else { return None };
        self.nodes[at] = Some(Node::Linear { x, norm, projection, residual: Some(other), out });
        Some(())
    }
}

/// `qkv.wgsl` binds the frequencies as a uniform of this many / 2 elements.
pub(crate) const MAX_ROTARY_DIM: usize = 512;

/// Weights that lie in one matrix, so that one kernel can read them together.
pub(crate) fn groups(nodes: &[Node], can_group: CanGroup<'_>) -> Vec<Vec<WeightId>> {
    let mut groups = Vec::new();
    for node in nodes {
        match node {
            Node::GatedLinear { gate, up, .. } => groups.push(vec![*gate, *up]),
            Node::Qkv { qkv, .. } => {
                let [q, k, v] = qkv.map(|p| p.weight);
                if can_group(&[q, k, v]) {
                    groups.push(vec![q, k, v]);
                } else {
                    groups.push(vec![q, k]);
                }
            }
            _ => {}
        }
    }
    groups
}

/// How often each weight is read as a matrix.
pub(crate) fn matrix_uses(plan: &Plan, id: WeightId) -> usize {
    let reads = |op: &&Op| match op {
        Op::Linear { weight, .. } | Op::ExpertLinear { weight, .. } => *weight == id,
        Op::Embed { table, .. } | Op::AddRow { table, .. } | Op::Table { table, .. } => *table == id,
        _ => false,
    };
    plan.ops.iter().filter(reads).count()
}
