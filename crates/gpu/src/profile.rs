//! Where the time of a step goes: seconds of each kind of dispatch, in real steps of a loaded model.
//!
//! A moment is written after every dispatch: in one pass where the device can write them there, else around a pass for each. What
//! that costs by itself (an NVIDIA H200 takes 5 to 8 µs) is part of each, so [`Profile::whole`], the time of steps without,
//! is less than the sum; differences and shares are what to read.

use std::collections::HashMap;

use sotto_plan::{Outputs, Sampling, WeightId};

use crate::kernel::{Dispatch, StepSize};
use crate::timestamps::Timestamps;
use crate::{GpuDevice, GpuError, GpuModel};

/// Dispatches whose moments one set has room for, each two.
const MOST: usize = 1024;

/// What the dispatches of one kind took together, in one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Profiled {
    /// The kernel, and the weight that it reads, of all layers alike: `matvec blk.*.ffn_down.weight`.
    pub kernel: String,
    /// Rows, columns and type of the weight, and the rows of x where there are several; else its workgroups.
    pub shape: String,
    /// How many there are.
    pub count: usize,
    /// Seconds of all.
    pub seconds: f64,
    /// Bytes of weights that they read.
    pub weight_bytes: u64,
}

/// A step, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Tokens of the step.
    pub tokens: usize,
    /// `timestamps in a pass`, or `a pass a dispatch`.
    pub method: &'static str,
    /// Seconds of such a step from end to end, without moments in between.
    pub whole: f64,
    /// By time, the longest first.
    pub kernels: Vec<Profiled>,
}

impl Profile {
    /// Seconds of all kernels.
    pub fn sum(&self) -> f64 {
        self.kernels.iter().map(|kernel| kernel.seconds).sum()
    }
}

impl GpuModel {
    /// A step of decoding behind `prompt`: the median of `runs` steps. Forgets all tokens.
    ///
    /// # Errors
    /// [`GpuError::State`] where the device has no timestamps; as [`GpuModel::prefill`].
    pub async fn profile_decode(&mut self, prompt: &[u32], runs: usize) -> Result<Profile, GpuError> {
        let inside = self.device().facts().timestamps_in_passes;
        self.profile_decode_by(prompt, runs, inside).await
    }

    /// With moments in one pass, or around one for each dispatch.
    pub(crate) async fn profile_decode_by(
        &mut self,
        prompt: &[u32],
        runs: usize,
        inside: bool,
    ) -> Result<Profile, GpuError> {
        self.truncate(0);
        self.prefill_for_decode(prompt).await?;
        self.runtime.grow(prompt.len() + 2 * runs).await?;
        self.start(&Sampling::greedy(), prompt)?;
        let size = StepSize { tokens: 1, outputs: 1 };
        let runtime = &self.runtime;
        let sample = runtime.sampler.dispatches(&Sampling::greedy());
        let step: Vec<&Dispatch> = runtime.programs.decode.iter().chain(sample).collect();
        let stopwatch = Moments::new(self.device(), step.len(), inside)?;
        // The first token is sampled from what the prefill left; the steps themselves go on from there.
        stopwatch.run(&sample.iter().collect::<Vec<_>>(), size, 0).await?;
        let mut timed = Timed::default();
        let segment = |steps| runtime.segments.of(prompt.len() + steps);
        for run in 0..runs {
            timed.whole.push(stopwatch.run(&step, size, segment(2 * run)).await?);
            timed.each.push(stopwatch.run_each(&step, size, segment(2 * run + 1)).await?);
        }
        let profile = self.profile(&step, size, stopwatch.method(), timed);
        self.truncate(0);
        Ok(profile)
    }

    /// The first step of a prefill of `ids`, up to the logits of its last token: the median of `runs`. Forgets all tokens.
    ///
    /// # Errors
    /// [`GpuError::State`] where the device has no timestamps; as [`GpuModel::prefill`].
    pub async fn profile_prefill(&mut self, ids: &[u32], runs: usize) -> Result<Profile, GpuError> {
        let inside = self.device().facts().timestamps_in_passes;
        self.truncate(0);
        self.begin_prefill(ids).await?;
        let batch = self.next_batch(&mut &ids[..], self.runtime.capacity.tokens);
        let size = self.write_batch(batch, Outputs::Last);
        let step: Vec<&Dispatch> =
            self.prefill_dispatches(Outputs::Last).filter(|dispatch| dispatch.is_for(size)).collect();
        let stopwatch = Moments::new(self.device(), step.len(), inside)?;
        let mut timed = Timed::default();
        for _ in 0..runs {
            // The same tokens at the same positions.
            timed.whole.push(stopwatch.run(&step, size, 0).await?);
            timed.each.push(stopwatch.run_each(&step, size, 0).await?);
        }
        let profile = self.profile(&step, size, stopwatch.method(), timed);
        self.truncate(0);
        Ok(profile)
    }

    fn profile(&self, step: &[&Dispatch], size: StepSize, method: &'static str, timed: Timed) -> Profile {
        let mut kinds: HashMap<(String, String), Profiled> = HashMap::new();
        for (at, dispatch) in step.iter().enumerate() {
            let (kernel, shape) = (of_any_layer(&dispatch.label), self.shape_of(dispatch, size));
            let kind = kinds.entry((kernel.clone(), shape.clone())).or_insert(Profiled {
                kernel,
                shape,
                count: 0,
                seconds: 0.0,
                weight_bytes: 0,
            });
            kind.count += 1;
            kind.seconds += median(timed.each.iter().map(|run| run[at]).collect());
            kind.weight_bytes += dispatch.weight_bytes;
        }
        let mut kernels: Vec<Profiled> = kinds.into_values().collect();
        kernels.sort_by(|a, b| b.seconds.total_cmp(&a.seconds).then_with(|| a.kernel.cmp(&b.kernel)));
        Profile { tokens: size.tokens as usize, method, whole: median(timed.whole), kernels }
    }

    /// Of a product its weight's rows and columns, those of weights that lie together added up; of others the workgroups.
    fn shape_of(&self, dispatch: &Dispatch, size: StepSize) -> String {
        let plan = &self.runtime.plan;
        let name = dispatch.label.split_once(' ').map_or("", |(_, name)| name);
        let id = plan.weights.iter().position(|weight| weight.name == name);
        let Some(id) = id.map(|id| WeightId(id as u32)) else {
            let [x, y, z] = dispatch.workgroups(size);
            return format!("{x} x {y} x {z} workgroups");
        };
        let (weight, (matrix, _)) = (plan.weight(id), self.runtime.weights.matrix(id));
        let of_one = matrix.bytes_of_rows(weight.rows).max(1) as f64;
        let rows = match (dispatch.weight_bytes as f64 / of_one * weight.rows as f64).round() as usize {
            0 => weight.rows,
            rows => rows,
        };
        let of_x = if size.tokens > 1 { format!(" x {}", dispatch.rows(size)) } else { String::new() };
        format!("{rows} x {}{of_x} {}", weight.cols, weight.ty)
    }
}

/// Seconds of several runs.
#[derive(Default)]
struct Timed {
    whole: Vec<f64>,
    /// Of each dispatch.
    each: Vec<Vec<f64>>,
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// `matvec blk.3.attn_q.weight` as it is in every layer.
fn of_any_layer(label: &str) -> String {
    let part = |part: &str| if part.parse::<u32>().is_ok() { "*".to_owned() } else { part.to_owned() };
    label.split('.').map(part).collect::<Vec<_>>().join(".")
}

/// Runs dispatches and takes their time.
struct Moments {
    device: GpuDevice,
    timestamps: Timestamps,
    inside: bool,
}

impl Moments {
    fn new(device: &GpuDevice, dispatches: usize, inside: bool) -> Result<Moments, GpuError> {
        let count = 2 * dispatches.clamp(1, MOST) as u32;
        let timestamps = Timestamps::new(device, count)?
            .ok_or(GpuError::State { what: "a profile needs timestamps, which this device does not have" })?;
        Ok(Moments { device: device.clone(), timestamps, inside })
    }

    fn method(&self) -> &'static str {
        if self.inside { "timestamps in a pass" } else { "a pass a dispatch" }
    }

    /// Seconds of all.
    async fn run(&self, step: &[&Dispatch], size: StepSize, segment: usize) -> Result<f64, GpuError> {
        let mut encoder = self.device.wgpu().create_command_encoder(&Default::default());
        let writes = Some(self.timestamps.around(0, 1));
        let mut pass = encoder
            .begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes: writes });
        step.iter().for_each(|dispatch| dispatch.encode_in(&mut pass, size, segment));
        drop(pass);
        Ok(self.submit(encoder, 1).await?[0])
    }

    /// Seconds of each.
    async fn run_each(
        &self,
        step: &[&Dispatch],
        size: StepSize,
        segment: usize,
    ) -> Result<Vec<f64>, GpuError> {
        let mut each = Vec::with_capacity(step.len());
        for part in step.chunks(MOST) {
            let mut encoder = self.device.wgpu().create_command_encoder(&Default::default());
            if self.inside {
                let mut pass = encoder.begin_compute_pass(&Default::default());
                for (dispatch, at) in part.iter().zip(0..) {
                    self.timestamps.write(&mut pass, 2 * at);
                    dispatch.encode_in(&mut pass, size, segment);
                    self.timestamps.write(&mut pass, 2 * at + 1);
                }
            } else {
                for (dispatch, at) in part.iter().zip(0..) {
                    let timestamp_writes = Some(self.timestamps.around(2 * at, 2 * at + 1));
                    let mut pass = encoder
                        .begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes });
                    dispatch.encode_in(&mut pass, size, segment);
                }
            }
            each.extend(self.submit(encoder, part.len()).await?);
        }
        Ok(each)
    }

    /// Seconds between each of the `pairs` moments that were written.
    async fn submit(&self, mut encoder: wgpu::CommandEncoder, pairs: usize) -> Result<Vec<f64>, GpuError> {
        let count = 2 * pairs as u32;
        self.timestamps.resolve(&mut encoder, count);
        self.device.queue().submit([encoder.finish()]);
        self.timestamps.seconds(count).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_alike() {
        assert_eq!(of_any_layer("matvec blk.11.attn_q.weight"), "matvec blk.*.attn_q.weight");
        assert_eq!(of_any_layer("matvec output.weight"), "matvec output.weight");
        assert_eq!(of_any_layer("attention_merge"), "attention_merge");
    }
}
