//! Logits as a reply wants them changed before they are sampled from: `edit_logits.wgsl`.

use crate::GpuError;
use crate::kernel::{Count, Dispatch, Kernels, Slice};
use crate::kernels::stride;

/// Workgroups at most; each takes every so many tokens.
const WORKGROUPS: usize = 64;
const WORKGROUP: usize = 64;

/// Changes the step's row of `logits`, `[outputs, stride(vocab)]`: adds `bias` `[vocab]`, and takes out what has no bit in `allowed`
/// `[vocab / 32]`.
pub(crate) fn dispatch(
    kernels: &Kernels,
    vocab: usize,
    [logits, step, allowed, bias]: [&Slice; 4],
) -> Result<Dispatch, GpuError> {
    let constants = [("VOCAB", vocab as f64), ("STRIDE", stride(vocab) as f64)];
    let pipeline = kernels.pipeline("edit_logits", &[], &constants)?;
    let bindings = [(1, logits), (5, step), (6, allowed), (7, bias)];
    let workgroups = vocab.div_ceil(WORKGROUP).min(WORKGROUPS) as u32;
    let grid = [Count::Fixed(workgroups), Count::Fixed(1), Count::Fixed(1)];
    Ok(kernels.dispatch("edit_logits", &pipeline, &bindings, grid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Step, StepSize};
    use crate::testing::{random, variants};

    #[test]
    fn tokens_are_biased_or_taken_out_and_nan_stays() {
        for variant in variants() {
            for vocab in [1, 31, 33, 257, 10_000] {
                let rows = 3;
                let n = rows * stride(vocab);
                let mut logits = random(7, n);
                let at = stride(vocab) + vocab - 1;
                let bias: Vec<f32> = (0..vocab).map(|i| [0.0, -100.0, 3.5][i % 3]).collect();
                let allowed: Vec<u32> =
                    (0..vocab.div_ceil(32) as u32).map(|i| 0x9E37_79B9u32.rotate_left(i)).collect();
                for special in [1.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
                    logits[at] = special;
                    let step = variant.step(Step { n_drafts: 2, row: 1, ..Step::default() });
                    let slices = [&logits, &bias].map(|floats| variant.upload::<f32>(floats));
                    let bits = variant.upload(&allowed);
                    let edit =
                        dispatch(&variant.kernels, vocab, [&slices[0], &step, &bits, &slices[1]]).unwrap();
                    variant.run(&[edit], StepSize { tokens: 3, outputs: 3 });
                    let found: Vec<u32> = variant.read(&slices[0], n);
                    for (i, (&found, &logit)) in found.iter().zip(&logits).enumerate() {
                        let id = i.wrapping_sub(stride(vocab));
                        let expected = match (id < vocab).then(|| allowed[id / 32] >> (id % 32) & 1) {
                            Some(0u32) if !logit.is_nan() => f32::NEG_INFINITY,
                            Some(1) if !logit.is_nan() => logit + bias[id],
                            _ => logit,
                        };
                        assert_eq!(
                            found,
                            expected.to_bits(),
                            "{i} of {vocab}, {special} on {}",
                            variant.name
                        );
                    }
                }
            }
        }
    }
}
