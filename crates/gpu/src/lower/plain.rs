//! Operations that stand alone: each has a kernel of its own for steps of any size.

use sotto_plan::{Op, Rows, ValueId};

use super::program::{Lowering, Size};
use crate::GpuError;
use crate::kernel::{Dispatch, Slice};
use crate::kernels::delta_net::DeltaSlices;
use crate::kernels::experts::{self, ExpertLinear, Routes};
use crate::kernels::matmul::Tile;
use crate::kernels::relative::{self, RelativeSlices};
use crate::kernels::{delta_net, elementwise, embed, short_conv};

impl Lowering<'_> {
    /// The dispatches of `op`, which no fusion knows.
    pub(super) fn plain(&self, op: &Op, size: Size) -> Result<Vec<Dispatch>, GpuError> {
        let (kernels, step) = (self.kernels, &self.buffers.step);
        let one = |dispatch: Result<Dispatch, GpuError>| dispatch.map(|d| vec![d]);
        match *op {
            Op::Table { table, out } => {
                let slices = [self.slice(out)?, step];
                Ok(self.labelled(embed::table(kernels, self.weights.matrix(table).0, slices)?, table))
            }
            Op::RelativeAttention { q, cache, relative, attention, out } => {
                const NO_MEMORY: GpuError = GpuError::State { what: "a KV cache has no memory" };
                let kv = self.cache(cache)?.segments.first().ok_or(NO_MEMORY)?;
                let buckets = self.buffers.tables.get(relative.buckets.0 as usize);
                let slices = RelativeSlices {
                    q: self.slice(q)?,
                    kv,
                    relative_keys: self.slice(relative.keys)?,
                    relative_queries: self.slice(relative.queries)?,
                    buckets: buckets.ok_or(GpuError::State { what: "a table has no memory" })?,
                    out: self.slice(out)?,
                    step,
                };
                let shape = self.attention_shape(cache, attention);
                one(relative::relative_attention(kernels, &shape, relative.span, slices))
            }
            Op::Map { map, x, out } => {
                let slices = [self.slice(x)?, self.slice(out)?, step];
                one(elementwise::map(kernels, map, self.shape(out), slices))
            }
            Op::Route { logits, n_used, normalise, out } => {
                let (kind, n_experts) = self.shape(logits);
                let slices = [self.slice(logits)?, self.slice(out)?, step];
                one(experts::route(kernels, kind, n_experts, n_used, normalise, slices))
            }
            Op::ExpertLinear { x, routes: routes_of, weight, bias, out } => {
                let (kind, out_width) = self.shape(out);
                let routes = self.routes(routes_of)?;
                let linear = ExpertLinear {
                    matrix: self.weights.matrix(weight).0,
                    rows: out_width / routes.n_used,
                    x: self.slice(x)?,
                    x_width: self.plan.value(x).width,
                    out: self.slice(out)?,
                    kind,
                    bias: bias.map(|id| self.weights.matrix(id).0),
                    routes,
                };
                let dispatches = match (size, kind) {
                    (Size::Many, Rows::Tokens) => self.experts(&linear, x, routes_of)?,
                    _ => linear.dispatches(kernels, self.tuning)?,
                };
                Ok(self.labelled(dispatches, weight))
            }
            Op::ExpertSum { x, routes, out } => {
                let routes = self.routes(routes)?;
                one(experts::sum(kernels, routes, self.shape(out), [self.slice(x)?, self.slice(out)?, step]))
            }
            Op::ShortConv { x, weight, state, out } => {
                let ring = self.buffers.states.get(state.0 as usize);
                let ring = ring.ok_or(GpuError::State { what: "a state has no memory" })?;
                let slices = [self.slice(x)?, ring, self.slice(out)?, step];
                let (width, taps) = (self.plan.value(x).width, self.plan.weight(weight).cols);
                short_conv::short_conv(kernels, self.weights.matrix(weight).0, (width, taps), slices)
            }
            Op::DeltaNet { x, a, b, decay, bias, state, net, out } => {
                let state = self.buffers.states.get(state.0 as usize);
                let slices = DeltaSlices {
                    x: self.slice(x)?,
                    a: self.slice(a)?,
                    b: self.slice(b)?,
                    decay: self.weights.vector(decay),
                    bias: self.weights.vector(bias),
                    state: state.ok_or(GpuError::State { what: "a state has no memory" })?,
                    out: self.slice(out)?,
                    step,
                };
                one(delta_net::delta_net(kernels, net, &slices))
            }
            Op::GroupPart { x, group, first, out } => {
                let (kind, width) = self.shape(out);
                let shape = (kind, width, self.plan.value(x).width);
                let slices = [self.slice(x)?, self.slice(out)?, step];
                one(elementwise::group_part(kernels, (group, first), shape, slices))
            }
            _ => Err(GpuError::Unsupported { what: format!("the operation {op:?} by itself") }),
        }
    }

    /// Rows by expert, in steps of so many that experts have several.
    fn experts(
        &self,
        linear: &ExpertLinear<'_>,
        x: ValueId,
        routes: ValueId,
    ) -> Result<Vec<Dispatch>, GpuError> {
        let (kernels, step) = (self.kernels, &self.buffers.step);
        let scratch = &self.buffers.matmul_scratch;
        let few = linear.few_tokens();
        let mut dispatches = Vec::new();
        for dispatch in linear.dispatches(kernels, self.tuning)? {
            dispatches.push(dispatch.when(0..=few));
        }
        if few as usize >= self.most_tokens {
            return Ok(dispatches);
        }
        let mut grouped = Vec::new();
        if self.sorted.replace(Some(routes)) != Some(routes) {
            let [_, _, _, order] = scratch.slices();
            grouped.push(experts::order(
                kernels,
                linear.kind,
                linear.routes,
                linear.n_experts(),
                [order, step],
            )?);
        }
        let facts = kernels.device().facts();
        let packing = linear.matrix.packing;
        let tile = self.tuning.tiled_matmul.then(|| Tile::of_experts(facts, packing, self.tiles));
        if let Some(tile) = tile {
            let shape = (linear.kind, linear.matrix.cols, linear.x_slots());
            dispatches.extend(self.rounded(x, tile, shape, linear.x)?);
        }
        grouped.extend(linear.grouped(kernels, tile, scratch)?);
        dispatches.extend(grouped.into_iter().map(|dispatch| dispatch.when(few + 1..=u32::MAX)));
        Ok(dispatches)
    }

    fn routes(&self, id: ValueId) -> Result<Routes<'_>, GpuError> {
        let slice: &Slice = self.slice(id)?;
        Ok(Routes { slice, n_used: self.plan.value(id).width / 2 })
    }
}
