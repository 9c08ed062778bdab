//! A plan as text, one operation a line: for `inspect --plan` and for diffs.

use std::fmt;

use crate::{Factors, Op, Plan, Rows, TableRow, ValueId, WeightId};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ops.iter().try_for_each(|op| self.fmt_op(op, f))
    }
}

impl Plan {
    fn fmt_op(&self, op: &Op, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(out) = op.out() {
            write!(f, "{} = ", self.describe(out))?;
        }
        match op {
            Op::Embed { table, scale, .. } => {
                write!(f, "embed {}", self.describe_weight(*table))?;
                if *scale != 1.0 {
                    write!(f, " scale={scale}")?;
                }
            }
            Op::AddRow { x, table, row, .. } => {
                write!(f, "add_row %{} {} ", x.0, self.describe_weight(*table))?;
                match row {
                    TableRow::Position(first) => write!(f, "position+{first}")?,
                    TableRow::Always(row) => write!(f, "row={row}")?,
                }
            }
            Op::Table { table, .. } => write!(f, "table {}", self.describe_weight(*table))?,
            Op::RelativeAttention { q, cache, relative, attention, .. } => write!(
                f,
                "relative_attention %{} @{} keys=%{} queries=%{} span={} heads={} scale={}",
                q.0,
                cache.0,
                relative.keys.0,
                relative.queries.0,
                relative.span,
                attention.n_heads,
                attention.scale
            )?,
            Op::LayerNorm { x, weight, bias, eps, .. } => {
                write!(f, "layer_norm %{} {} eps={eps}", x.0, self.describe_weight(*weight))?;
                if let Some(bias) = bias {
                    write!(f, " bias={}", self.describe_weight(*bias))?;
                }
            }
            Op::RmsNorm { x, weight, eps, .. } => {
                write!(f, "rms_norm %{} {} eps={eps}", x.0, self.describe_weight(*weight))?;
            }
            Op::Linear { x, weight, bias, .. } => {
                write!(f, "linear %{} {}", x.0, self.describe_weight(*weight))?;
                if let Some(bias) = bias {
                    write!(f, " bias={}", self.describe_weight(*bias))?;
                }
            }
            Op::Rope { x, rope, .. } => {
                write!(
                    f,
                    "rope %{} {:?} dim={}/{} base={}",
                    x.0, rope.layout, rope.rotary_dim, rope.head_dim, rope.base
                )?;
                if rope.position_scale != 1.0 {
                    write!(f, " position_scale={}", rope.position_scale)?;
                }
                if rope.magnitude != 1.0 {
                    write!(f, " magnitude={}", rope.magnitude)?;
                }
                if let Some(growth) = rope.growth {
                    write!(f, " growth={}/{}", growth.beta, growth.interval)?;
                }
                match rope.factors {
                    None => {}
                    Some(Factors::Weight(id)) => write!(f, " factors={}", self.describe_weight(id))?,
                    Some(Factors::Table(id)) => write!(f, " factors={:?}", self.table(id))?,
                }
            }
            Op::KvWrite { k, v, cache } => write!(f, "kv_write @{} %{} %{}", cache.0, k.0, v.0)?,
            Op::Attention { q, cache, attention, .. } => {
                let kv = self.cache(*cache);
                write!(
                    f,
                    "attention %{} @{} heads={}/{} head_dim={} scale={}",
                    q.0, cache.0, attention.n_heads, kv.n_kv_heads, kv.head_dim, attention.scale
                )?;
                if !attention.causal {
                    write!(f, " bidirectional")?;
                }
                if let Some(window) = attention.window {
                    write!(f, " window={window}")?;
                }
                if let Some(cap) = attention.softcap {
                    write!(f, " softcap={cap}")?;
                }
                if let Some(sinks) = attention.sinks {
                    write!(f, " sinks={}", self.describe_weight(sinks))?;
                }
            }
            Op::Gated { kind, gate, up, .. } => write!(f, "gated {kind:?} %{} %{}", gate.0, up.0)?,
            Op::Add { a, b, .. } => write!(f, "add %{} %{}", a.0, b.0)?,
            Op::Map { map, x, .. } => write!(f, "map {map:?} %{}", x.0)?,
            Op::Route { logits, n_used, normalise, .. } => {
                write!(f, "route %{} used={n_used} normalise={normalise}", logits.0)?;
            }
            Op::ExpertLinear { x, routes, weight, bias, .. } => {
                write!(f, "expert_linear %{} %{} {}", x.0, routes.0, self.describe_weight(*weight))?;
                if let Some(bias) = bias {
                    write!(f, " bias={}", self.describe_weight(*bias))?;
                }
            }
            Op::ExpertSum { x, routes, .. } => write!(f, "expert_sum %{} %{}", x.0, routes.0)?,
            Op::ShortConv { x, weight, state, .. } => {
                write!(f, "short_conv %{} {} ${}", x.0, self.describe_weight(*weight), state.0)?;
            }
            Op::DeltaNet { x, a, b, decay, bias, state, net, .. } => write!(
                f,
                "delta_net %{} %{} %{} ${} heads={}/{} dims={}/{} decay={} bias={}",
                x.0,
                a.0,
                b.0,
                state.0,
                net.n_v_heads,
                net.n_k_heads,
                net.k_dim,
                net.v_dim,
                self.describe_weight(*decay),
                self.describe_weight(*bias)
            )?,
            Op::GroupPart { x, group, first, out } => {
                let groups = self.value(*x).width / group;
                let end = first + self.value(*out).width / groups;
                write!(f, "group_part %{} {first}..{end} of {group}", x.0)?;
            }
            Op::SelectOutputs { x, .. } => write!(f, "select_outputs %{}", x.0)?,
        }
        writeln!(f)
    }

    fn describe(&self, id: ValueId) -> String {
        let value = self.value(id);
        let rows = match value.rows {
            Rows::Fixed(n) => return format!("%{}[{n}, {}]", id.0, value.width),
            Rows::Tokens => "tokens",
            Rows::Outputs => "outputs",
        };
        format!("%{}[{rows}, {}]", id.0, value.width)
    }

    fn describe_weight(&self, id: WeightId) -> String {
        let w = self.weight(id);
        let offset = if w.offset > 0 { format!("+{}", w.offset) } else { String::new() };
        format!("{}{offset}[{}, {}]:{}", w.name, w.rows, w.cols, w.ty)
    }
}
