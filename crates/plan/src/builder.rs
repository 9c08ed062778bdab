//! Builds a [`Plan`] operation by operation, checking every shape on the way.

use sotto_format::TensorInfo;

use crate::{
    Attention, CacheId, Gated, KvCache, Op, Plan, PlanError, Rope, Rows, TableRow, Value, ValueId, Weight,
    WeightId,
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
        let Some(tensor) = self.tensors.iter().find(|t| t.name == name) else { return Ok(None) };
        let expected: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
        if tensor.shape != expected {
            return Err(PlanError::TensorShape {
                name: name.to_owned(),
                found: tensor.shape.clone(),
                expected,
            });
        }
        if let Some(at) = self.plan.weights.iter().position(|w| w.name == name) {
            return Ok(Some(WeightId(at as u32)));
        }
        let cols = shape.last().copied().unwrap_or(1);
        let rows = shape.iter().rev().skip(1).product();
        self.plan.weights.push(Weight { name: name.to_owned(), rows, cols, ty: tensor.ty });
        Ok(Some(WeightId(self.plan.weights.len() as u32 - 1)))
    }

    /// A KV cache of `n_kv_heads` heads of `head_dim` elements.
    pub fn cache(&mut self, n_kv_heads: usize, head_dim: usize) -> CacheId {
        self.plan.caches.push(KvCache { n_kv_heads, head_dim });
        CacheId(self.plan.caches.len() as u32 - 1)
    }

    /// [`Op::Embed`].
    pub fn embed(&mut self, table: WeightId, scale: f32) -> ValueId {
        let width = self.plan.weight(table).cols;
        self.push(Rows::Tokens, width, |out| Op::Embed { table, scale, out })
    }

    /// [`Op::AddRow`].
    pub fn add_row(&mut self, x: ValueId, table: WeightId, row: TableRow) -> Result<ValueId, PlanError> {
        let Value { rows, width } = self.plan.value(x);
        let (table_rows, table_width) = (self.plan.weight(table).rows, self.plan.weight(table).cols);
        let (TableRow::Position(first) | TableRow::Always(first)) = row;
        check("add_row", "width of the table", table_width, width)?;
        check("add_row", "row beyond the table", (first + 1).saturating_sub(table_rows), 0)?;
        check("add_row", "row kind of the input", rows as usize, Rows::Tokens as usize)?;
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
        if let Some(factors) = rope.factors {
            check("rope", "frequency factors", self.plan.weight(factors).cols, rope.rotary_dim / 2)?;
        }
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

    /// [`Op::SelectOutputs`].
    pub fn select_outputs(&mut self, x: ValueId) -> ValueId {
        let width = self.plan.value(x).width;
        self.push(Rows::Outputs, width, |out| Op::SelectOutputs { x, out })
    }

    fn same_width(&self, op: &'static str, a: ValueId, b: ValueId) -> Result<Value, PlanError> {
        let (left, right) = (self.plan.value(a), self.plan.value(b));
        check(op, "width of the second input", right.width, left.width)?;
        check(op, "row kind of the second input", right.rows as usize, left.rows as usize)?;
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
