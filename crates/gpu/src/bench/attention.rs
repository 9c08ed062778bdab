//! Attention of one token over a cache of some depth.

use sotto_plan::{Attention, KvCache};

use super::{Bench, Work};
use crate::kernel::StepSize;
use crate::kernels::attention::{self, AttentionShape, AttentionSlices, scratch_bytes};
use crate::kv::{KvBuffers, Segments};
use crate::{GpuError, KvType};

/// Heads, key/value heads and elements a head: those of llama-3.2-1b and of llama-3.1-8b.
const HEADS: [(usize, usize, usize); 2] = [(32, 8, 64), (32, 8, 128)];

impl Bench<'_> {
    pub(super) async fn attention(&mut self) -> Result<(), GpuError> {
        if !self.wanted("attention_decode") {
            return Ok(());
        }
        let device = self.device().clone();
        for (n_heads, n_kv_heads, head_dim) in HEADS {
            for depth in self.options.depths.clone() {
                let shape = AttentionShape {
                    cache: KvCache { n_kv_heads, head_dim },
                    attention: Attention {
                        n_heads,
                        scale: 1.0 / (head_dim as f32).sqrt(),
                        causal: true,
                        window: None,
                        softcap: None,
                        sinks: None,
                    },
                    kv_type: KvType::F16,
                    segments: Segments::new(depth + 1, depth + 1),
                };
                let bytes = (depth + 1) as u64 * shape.kv_type.position_bytes(shape.cache);
                let [q, out] = [(); 2].map(|()| self.fill.buffer(&device, (4 * n_heads * head_dim) as u64));
                let (q, out) = (q?, out?);
                let scratch = self.fill.small(&device, scratch_bytes(device.facts(), &shape, 1, 1))?;
                let (step, _) = self.step(depth, 1)?;
                let mut dispatches = Vec::new();
                let mut caches = Vec::new();
                for _ in 0..self.copies(bytes) {
                    caches.push(KvBuffers { segments: vec![self.fill.buffer(&device, bytes)?] });
                }
                for kv in &caches {
                    let slices =
                        AttentionSlices { q: &q, kv, out: &out, step: &step, scratch: &scratch, sinks: None };
                    dispatches.extend(attention::decode(&self.kernels, &shape, slices)?);
                }
                let work = Work {
                    kernel: "attention_decode".to_owned(),
                    shape: format!("{n_heads}/{n_kv_heads} x {head_dim} at {depth}"),
                    bytes,
                    flops: (4 * n_heads * head_dim * depth) as u64,
                    chain: dispatches.len() / caches.len(),
                };
                self.time(work, &dispatches, StepSize { tokens: 1, outputs: 1 }).await?;
                caches.iter().flat_map(|kv| &kv.segments).for_each(|slice| slice.buffer.destroy());
            }
        }
        Ok(())
    }
}
