//! Builds a [`Plan`] operation by operation, checking every shape on the way.

use std::ops::Range;

use sotto_format::TensorInfo;

use crate::{
    Attention, CacheId, DeltaNet, Factors, Gated, KvCache, Map, Op, Plan, PlanError, Relative, Rope, Rows,
    State, StateId, TableId, TableRow, Value, ValueId, Weight, WeightId,
};

/// Writes a plan against the tensors of one model file.
///
/// Each method that stands for an operation appends it and returns the activation it yields.
pub struct PlanBuilder<'a> {
    tensors: &'a [TensorInfo],
    plan: Plan,
}

impl<'a> PlanBuilder<'a> {
    /// An empty plan over `tensors`.
    pub fn new(tensors: &'a [TensorInfo]) -> Self {
        PlanBuilder { tensors, plan: Plan::default() }
    }

    /// Names `output` as the plan's result and returns the plan.
    pub fn finish(mut self, output: ValueId) -> Plan {
        self.plan.output = Some(output);
        self.plan
    }

    /// The tensor `name`, which must have `shape` (outermost first). Asking twice gives the same id.
    pub fn weight(&mut self, name: &str, shape: &[usize]) -> Result<WeightId, PlanError> {
        self.weight_if_present(name, shape)?.ok_or_else(|| PlanError::MissingTensor { name: name.to_owned() })
    }

    /// As [`Self::weight`], or `None` when the file has no such tensor.
    pub fn weight_if_present(&mut self, name: &str, shape: &[usize]) -> Result<Option<WeightId>, PlanError> {
        Ok(self.find(name, shape)?.map(|weight| self.push_weight(weight)))
    }

    /// Rows `range` of the tensor `name`, which must have `shape`; elements `range` where it has one dimension.
    pub fn weight_rows(
        &mut self,
        name: &str,
        shape: &[usize],
        range: Range<usize>,
    ) -> Result<WeightId, PlanError> {
        let found = self.find(name, shape)?;
        let mut part = found.ok_or_else(|| PlanError::MissingTensor { name: name.to_owned() })?;
        let vector = shape.len() < 2;
        let (total, bytes) =
            if vector { (part.cols, part.ty.block_bytes()) } else { (part.rows, part.row_bytes()) };
        check("weight_rows", "end of the range beyond the tensor", range.end.saturating_sub(total), 0)?;
        part.offset = (range.start * bytes) as u64;
        if vector {
            check("weight_rows", "elements a block of a sliced vector", part.ty.block_len(), 1)?;
            part.cols = range.len();
        } else {
            part.rows = range.len();
        }
        Ok(self.push_weight(part))
    }

    fn find(&self, name: &str, shape: &[usize]) -> Result<Option<Weight>, PlanError> {
        let Some(tensor) = self.tensors.iter().find(|t| t.name == name) else { return Ok(None) };
        let expected: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
        if tensor.shape != expected {
            return Err(PlanError::TensorShape {
                name: name.to_owned(),
                found: tensor.shape.clone(),
                expected,
            });
        }
        let cols = shape.last().copied().unwrap_or(1);
        let rows = shape.iter().rev().skip(1).product();
        Ok(Some(Weight { name: name.to_owned(), rows, cols, ty: tensor.ty, offset: 0 }))
    }

    fn push_weight(&mut self, weight: Weight) -> WeightId {
        if let Some(at) = self.plan.weights.iter().position(|w| *w == weight) {
            return WeightId(at as u32);
        }
        self.plan.weights.push(weight);
        WeightId(self.plan.weights.len() as u32 - 1)
    }

    /// The tensor's shape, outermost first, when the file has it.
    pub fn shape_of(&self, name: &str) -> Option<&[u64]> {
        self.tensors.iter().find(|t| t.name == name).map(|t| t.shape.as_slice())
    }

    /// Numbers that were computed for this plan.
    pub fn table(&mut self, numbers: Vec<f32>) -> TableId {
        self.plan.tables.push(numbers);
        TableId(self.plan.tables.len() as u32 - 1)
    }

    /// A state of the last `rows` rows of `width` elements.
    pub fn state(&mut self, rows: usize, width: usize) -> StateId {
        self.push_state(State { rows, width, made_over: false })
    }

    fn push_state(&mut self, state: State) -> StateId {
        self.plan.states.push(state);
        StateId(self.plan.states.len() as u32 - 1)
    }

    /// A KV cache of `n_kv_heads` heads of `head_dim` elements.
    pub fn cache(&mut self, n_kv_heads: usize, head_dim: usize) -> CacheId {
        self.plan.caches.push(KvCache { n_kv_heads, head_dim });
        CacheId(self.plan.caches.len() as u32 - 1)
    }

    /// The first cache of `n_kv_heads` heads of `head_dim` elements, for layers that never look at an earlier step: each
    /// writes over what the one before left.
    pub fn shared_cache(&mut self, n_kv_heads: usize, head_dim: usize) -> CacheId {
        let cache = KvCache { n_kv_heads, head_dim };
        match self.plan.caches.iter().position(|known| *known == cache) {
            Some(at) => CacheId(at as u32),
            None => self.cache(n_kv_heads, head_dim),
        }
    }

    /// [`Op::Embed`].
    pub fn embed(&mut self, table: WeightId, scale: f32) -> ValueId {
        let width = self.plan.weight(table).cols;
        self.push(Rows::Tokens, width, |out| Op::Embed { table, scale, out })
    }

    /// [`Op::Table`].
    pub fn table_rows(&mut self, table: WeightId) -> ValueId {
        let (rows, width) = (self.plan.weight(table).rows as u32, self.plan.weight(table).cols);
        self.push(Rows::Fixed(rows), width, |out| Op::Table { table, out })
    }

    /// [`Op::RelativeAttention`].
    pub fn relative_attention(
        &mut self,
        q: ValueId,
        cache: CacheId,
        relative: Relative,
        attention: Attention,
    ) -> Result<ValueId, PlanError> {
        let Value { rows, width } = self.plan.value(q);
        let KvCache { n_kv_heads, head_dim } = self.plan.cache(cache);
        check("relative_attention", "query width", width, attention.n_heads * head_dim)?;
        check("relative_attention", "key heads", n_kv_heads, attention.n_heads)?;
        for side in [relative.keys, relative.queries] {
            let found = self.plan.value(side);
            check("relative_attention", "width of a relative projection", found.width, width)?;
            let wanted = Rows::Fixed(2 * relative.span);
            check("relative_attention", "rows that are no 2 * span", usize::from(found.rows != wanted), 0)?;
        }
        Ok(self.push(rows, width, |out| Op::RelativeAttention { q, cache, relative, attention, out }))
    }

    /// [`Op::AddRow`].
    pub fn add_row(&mut self, x: ValueId, table: WeightId, row: TableRow) -> Result<ValueId, PlanError> {
        let Value { rows, width } = self.plan.value(x);
        let (table_rows, table_width) = (self.plan.weight(table).rows, self.plan.weight(table).cols);
        let (TableRow::Position(first) | TableRow::Always(first)) = row;
        check("add_row", "width of the table", table_width, width)?;
        check("add_row", "row beyond the table", (first + 1).saturating_sub(table_rows), 0)?;
        check("add_row", "rows that are no tokens'", usize::from(rows != Rows::Tokens), 0)?;
        Ok(self.push(rows, width, |out| Op::AddRow { x, table, row, out }))
    }

    /// [`Op::LayerNorm`].
    pub fn layer_norm(
        &mut self,
        x: ValueId,
        weight: WeightId,
        bias: Option<WeightId>,
        eps: f32,
    ) -> Result<ValueId, PlanError> {
        let Value { rows, width } = self.plan.value(x);
        check("layer_norm", "weight length", self.plan.weight(weight).cols, width)?;
        if let Some(bias) = bias {
            check("layer_norm", "bias length", self.plan.weight(bias).cols, width)?;
        }
        Ok(self.push(rows, width, |out| Op::LayerNorm { x, weight, bias, eps, out }))
    }

    /// [`Op::RmsNorm`].
    pub fn rms_norm(&mut self, x: ValueId, weight: WeightId, eps: f32) -> Result<ValueId, PlanError> {
        let Value { rows, width } = self.plan.value(x);
        let group = self.plan.weight(weight).cols;
        check("rms_norm", "input width modulo the group", width % group.max(1), 0)?;
        Ok(self.push(rows, width, |out| Op::RmsNorm { x, weight, eps, out }))
    }

    /// [`Op::Linear`].
    pub fn linear(
        &mut self,
        x: ValueId,
        weight: WeightId,
        bias: Option<WeightId>,
    ) -> Result<ValueId, PlanError> {
        let Value { rows, width } = self.plan.value(x);
        let (out_width, in_width) = (self.plan.weight(weight).rows, self.plan.weight(weight).cols);
        check("linear", "input width", width, in_width)?;
        if let Some(bias) = bias {
            check("linear", "bias length", self.plan.weight(bias).cols, out_width)?;
        }
        Ok(self.push(rows, out_width, |out| Op::Linear { x, weight, bias, out }))
    }

    /// [`Op::Rope`].
    pub fn rope(&mut self, x: ValueId, rope: Rope) -> Result<ValueId, PlanError> {
        let Value { rows, width } = self.plan.value(x);
        check("rope", "input width modulo head_dim", width % rope.head_dim.max(1), 0)?;
        check("rope", "rotary_dim modulo 2", rope.rotary_dim % 2, 0)?;
        check("rope", "rotary_dim beyond head_dim", rope.rotary_dim.saturating_sub(rope.head_dim), 0)?;
        let factors = match rope.factors {
            None => rope.rotary_dim / 2,
            Some(Factors::Weight(id)) => self.plan.weight(id).cols,
            Some(Factors::Table(id)) => self.plan.table(id).len(),
        };
        check("rope", "frequency factors", factors, rope.rotary_dim / 2)?;
        Ok(self.push(rows, width, |out| Op::Rope { x, rope, out }))
    }

    /// [`Op::KvWrite`].
    pub fn kv_write(&mut self, k: ValueId, v: ValueId, cache: CacheId) -> Result<(), PlanError> {
        let KvCache { n_kv_heads, head_dim } = self.plan.cache(cache);
        check("kv_write", "key width", self.plan.value(k).width, n_kv_heads * head_dim)?;
        check("kv_write", "value width", self.plan.value(v).width, n_kv_heads * head_dim)?;
        self.plan.ops.push(Op::KvWrite { k, v, cache });
        Ok(())
    }

    /// [`Op::Attention`].
    pub fn attention(
        &mut self,
        q: ValueId,
        cache: CacheId,
        attention: Attention,
    ) -> Result<ValueId, PlanError> {
        let Value { rows, width } = self.plan.value(q);
        let KvCache { n_kv_heads, head_dim } = self.plan.cache(cache);
        check("attention", "query width", width, attention.n_heads * head_dim)?;
        check("attention", "query heads modulo key heads", attention.n_heads % n_kv_heads.max(1), 0)?;
        if let Some(sinks) = attention.sinks {
            check("attention", "sinks", self.plan.weight(sinks).cols, attention.n_heads)?;
        }
        Ok(self.push(rows, width, |out| Op::Attention { q, cache, attention, out }))
    }

    /// [`Op::Gated`].
    pub fn gated(&mut self, kind: Gated, gate: ValueId, up: ValueId) -> Result<ValueId, PlanError> {
        let Value { rows, width } = self.same_width("gated", gate, up)?;
        Ok(self.push(rows, width, |out| Op::Gated { kind, gate, up, out }))
    }

    /// [`Op::Add`].
    pub fn add(&mut self, a: ValueId, b: ValueId) -> Result<ValueId, PlanError> {
        let Value { rows, width } = self.same_width("add", a, b)?;
        Ok(self.push(rows, width, |out| Op::Add { a, b, out }))
    }

    /// [`Op::Map`].
    pub fn map(&mut self, map: Map, x: ValueId) -> ValueId {
        let Value { rows, width } = self.plan.value(x);
        self.push(rows, width, |out| Op::Map { map, x, out })
    }

    /// `factor * x`: [`Op::Map`], or `x` itself where the factor is 1.
    pub fn scale(&mut self, x: ValueId, factor: f32) -> ValueId {
        if factor == 1.0 { x } else { self.map(Map::Scale(factor), x) }
    }

    /// [`Op::Route`].
    pub fn route(&mut self, logits: ValueId, n_used: usize, normalise: bool) -> Result<ValueId, PlanError> {
        let Value { rows, width } = self.plan.value(logits);
        check("route", "experts used beyond those there are", n_used.saturating_sub(width), 0)?;
        Ok(self.push(rows, 2 * n_used, |out| Op::Route { logits, n_used, normalise, out }))
    }

    /// [`Op::ExpertLinear`] by `n_experts` experts.
    pub fn expert_linear(
        &mut self,
        x: ValueId,
        routes: ValueId,
        n_experts: usize,
        weight: WeightId,
        bias: Option<WeightId>,
    ) -> Result<ValueId, PlanError> {
        let Value { rows, width } = self.plan.value(x);
        let n_used = self.plan.value(routes).width / 2;
        let (all_rows, in_width) = (self.plan.weight(weight).rows, self.plan.weight(weight).cols);
        if width != n_used * in_width {
            check("expert_linear", "input width", width, in_width)?;
        }
        check("expert_linear", "weight rows modulo experts", all_rows % n_experts.max(1), 0)?;
        let out_width = all_rows / n_experts.max(1);
        if let Some(bias) = bias {
            check("expert_linear", "bias rows", self.plan.weight(bias).rows, n_experts)?;
            check("expert_linear", "bias length", self.plan.weight(bias).cols, out_width)?;
        }
        Ok(self.push(rows, n_used * out_width, |out| Op::ExpertLinear { x, routes, weight, bias, out }))
    }

    /// [`Op::ExpertSum`].
    pub fn expert_sum(&mut self, x: ValueId, routes: ValueId) -> Result<ValueId, PlanError> {
        let Value { rows, width } = self.plan.value(x);
        let n_used = self.plan.value(routes).width / 2;
        check("expert_sum", "input width modulo the slots", width % n_used.max(1), 0)?;
        Ok(self.push(rows, width / n_used.max(1), |out| Op::ExpertSum { x, routes, out }))
    }

    /// [`Op::ShortConv`], with a state of its own.
    pub fn short_conv(&mut self, x: ValueId, weight: WeightId) -> Result<ValueId, PlanError> {
        let Value { rows, width } = self.plan.value(x);
        let (channels, taps) = (self.plan.weight(weight).rows, self.plan.weight(weight).cols);
        check("short_conv", "input width", width, channels)?;
        check("short_conv", "rows that are no tokens'", usize::from(rows != Rows::Tokens), 0)?;
        let state = self.state(taps.saturating_sub(1), width);
        Ok(self.push(rows, width, |out| Op::ShortConv { x, weight, state, out }))
    }

    /// [`Op::DeltaNet`], with a state of its own.
    pub fn delta_net(
        &mut self,
        [x, a, b]: [ValueId; 3],
        decay: WeightId,
        bias: WeightId,
        net: DeltaNet,
    ) -> Result<ValueId, PlanError> {
        const OP: &str = "delta_net";
        let Value { rows, width } = self.plan.value(x);
        check(OP, "input width", width, net.width())?;
        check(OP, "value heads modulo key heads", net.n_v_heads % net.n_k_heads.max(1), 0)?;
        check(OP, "rows that are no tokens'", usize::from(rows != Rows::Tokens), 0)?;
        for heads in [a, b] {
            check(OP, "width of what gates it", self.plan.value(heads).width, net.n_v_heads)?;
        }
        for vector in [decay, bias] {
            check(OP, "decay or bias", self.plan.weight(vector).cols, net.n_v_heads)?;
        }
        let state = self.push_state(State { rows: 1, width: net.state(), made_over: true });
        let width = net.n_v_heads * net.v_dim;
        Ok(self.push(rows, width, |out| Op::DeltaNet { x, a, b, decay, bias, state, net, out }))
    }

    /// [`Op::GroupPart`]: elements `part` of each group of `group`.
    pub fn group_part(
        &mut self,
        x: ValueId,
        group: usize,
        part: std::ops::Range<usize>,
    ) -> Result<ValueId, PlanError> {
        let Value { rows, width } = self.plan.value(x);
        check("group_part", "width modulo the group", width % group.max(1), 0)?;
        check("group_part", "elements beyond the group", part.end.saturating_sub(group), 0)?;
        let width = width / group.max(1) * part.len();
        Ok(self.push(rows, width, |out| Op::GroupPart { x, group, first: part.start, out }))
    }

    /// [`Op::SelectOutputs`].
    pub fn select_outputs(&mut self, x: ValueId) -> ValueId {
        let width = self.plan.value(x).width;
        self.push(Rows::Outputs, width, |out| Op::SelectOutputs { x, out })
    }

    fn same_width(&self, op: &'static str, a: ValueId, b: ValueId) -> Result<Value, PlanError> {
        let (left, right) = (self.plan.value(a), self.plan.value(b));
        check(op, "width of the second input", right.width, left.width)?;
        check(op, "rows of another kind in the second input", usize::from(right.rows != left.rows), 0)?;
        Ok(left)
    }

    fn push(&mut self, rows: Rows, width: usize, op: impl FnOnce(ValueId) -> Op) -> ValueId {
        let out = ValueId(self.plan.values.len() as u32);
        self.plan.values.push(Value { rows, width });
        self.plan.ops.push(op(out));
        out
    }
}

fn check(op: &'static str, what: &'static str, found: usize, expected: usize) -> Result<(), PlanError> {
    if found == expected { Ok(()) } else { Err(PlanError::Shape { op, what, found, expected }) }
}
