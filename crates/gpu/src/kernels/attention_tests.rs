//! Attention against `sotto_cpu::reference::ops::attention`: every kernel, both cache types, odd shapes.

use sotto_cpu::reference::ops;
use sotto_plan::{Attention, KvCache};

use super::*;
use crate::kernel::{Step, StepSize};
use crate::testing::{Variant, assert_close, device, from_q8, q8_block, random, to_q8, variants};

/// Which kernels run; [`prefill`] and [`decode`] choose among them by device.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Path {
    Plain,
    Tiled,
    Split,
    Lanes,
}

const PATHS: [Path; 4] = [Path::Plain, Path::Tiled, Path::Split, Path::Lanes];

#[derive(Clone, Copy, Debug)]
struct Case {
    tokens: usize,
    /// Positions in the cache before the step.
    position: usize,
    kv_heads: usize,
    group: usize,
    head_dim: usize,
    causal: bool,
    window: Option<u32>,
    softcap: Option<f32>,
}

const CASE: Case = Case {
    tokens: 1,
    position: 0,
    kv_heads: 2,
    group: 1,
    head_dim: 8,
    causal: true,
    window: None,
    softcap: None,
};

/// Every size of the table at least once, and the pairs that share code paths.
const CASES: [Case; 20] = [
    CASE,
    Case { tokens: 2, position: 5, group: 2, ..CASE },
    Case { tokens: 31, position: 1, group: 7, head_dim: 16, kv_heads: 1, ..CASE },
    Case { tokens: 33, position: 70, group: 4, head_dim: 64, ..CASE },
    Case { tokens: 257, position: 0, group: 2, head_dim: 16, ..CASE },
    Case { tokens: 1, position: 2047, group: 8, head_dim: 64, ..CASE },
    Case { tokens: 2, position: 1500, group: 4, head_dim: 128, window: Some(1024), ..CASE },
    Case { tokens: 33, position: 300, group: 1, head_dim: 80, window: Some(40), ..CASE },
    Case { tokens: 31, position: 64, group: 2, head_dim: 96, softcap: Some(0.7), ..CASE },
    Case { tokens: 2, position: 129, group: 7, head_dim: 256, kv_heads: 1, softcap: Some(2.0), ..CASE },
    Case { tokens: 33, position: 31, group: 8, head_dim: 24, window: Some(1), ..CASE },
    Case { tokens: 40, position: 0, group: 3, head_dim: 4, window: Some(1000), ..CASE },
    Case { tokens: 3, position: 60, group: 11, head_dim: 16, ..CASE },
    Case { tokens: 5, position: 30, group: 40, head_dim: 8, kv_heads: 1, ..CASE },
    Case { causal: false, ..CASE },
    Case { tokens: 33, head_dim: 32, causal: false, ..CASE },
    Case { tokens: 257, group: 2, head_dim: 16, causal: false, window: Some(65), ..CASE },
    Case { tokens: 31, group: 4, head_dim: 64, kv_heads: 1, causal: false, window: Some(1), ..CASE },
    Case { tokens: 70, group: 3, head_dim: 8, causal: false, window: Some(9), softcap: Some(0.7), ..CASE },
    Case { tokens: 40, head_dim: 24, causal: false, window: Some(1000), ..CASE },
];

struct Data {
    shape: AttentionShape,
    q: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    position: usize,
}

/// The smallest first segment.
const SHORT: usize = 32;

impl Data {
    fn random(case: Case, kv_type: KvType) -> Data {
        let cache = KvCache { n_kv_heads: case.kv_heads, head_dim: case.head_dim };
        let n_heads = case.kv_heads * case.group;
        let scale = 3.0 / (case.head_dim as f32).sqrt();
        let Case { causal, window, softcap, .. } = case;
        let attention = Attention { n_heads, scale, causal, window, softcap, sinks: None };
        let positions = case.position + case.tokens;
        let kv = |seed| {
            let values = random(seed, positions * case.kv_heads * case.head_dim);
            // What the cache holds, so that both sides read the same numbers.
            match kv_type {
                KvType::Q8_0 => from_q8(&to_q8(&values, q8_block(case.head_dim)), q8_block(case.head_dim)),
                _ => values.into_iter().map(|v| half::f16::from_f32(v).to_f32()).collect(),
            }
        };
        Data {
            shape: AttentionShape { cache, attention, kv_type, segments: Segments::one(positions) },
            q: random(1, case.tokens * n_heads * case.head_dim),
            keys: kv(2),
            values: kv(3),
            position: case.position,
        }
    }

    fn expected(&self) -> Vec<f32> {
        let AttentionShape { cache, attention, .. } = &self.shape;
        ops::attention(&self.q, &self.keys, &self.values, *cache, self.position, attention, None)
    }

    fn run(&self, variant: &Variant, path: Path, sinks: Option<&[f32]>) -> Vec<f32> {
        let tokens = self.q.len() / (self.shape.attention.n_heads * self.shape.cache.head_dim);
        let width = self.shape.cache.n_kv_heads * self.shape.cache.head_dim;
        let row = |(k, v): (&[f32], &[f32])| [k, v].concat();
        let mut all: Vec<f32> =
            self.keys.chunks(width).zip(self.values.chunks(width)).flat_map(row).collect();
        // Positions that are not written yet hold anything.
        all.resize(all.len() + 8 * width, f32::NAN);
        let upload = |data: &[f32]| match self.shape.kv_type {
            KvType::F32 => variant.upload(data),
            KvType::F16 => variant.upload(&data.iter().map(|&v| half::f16::from_f32(v)).collect::<Vec<_>>()),
            KvType::Q8_0 => variant.upload(&to_q8(data, q8_block(self.shape.cache.head_dim))),
        };
        let segments = self.shape.segments;
        let mut kv = KvBuffers { segments: Vec::new() };
        if segments.count() == 1 {
            kv.segments.push(upload(&all));
        }
        while kv.segments.len() < segments.count() {
            let n = (segments.positions(kv.segments.len()) * 2 * width).min(all.len());
            kv.segments.push(upload(&all[..n]));
            all.drain(..n);
        }
        let q = variant.upload(&self.q);
        let out = variant.upload(&vec![f32::NAN; self.q.len()]);
        let scratch = variant.empty(
            (tokens * self.shape.attention.n_heads * SPLITS * (self.shape.cache.head_dim + 4) * 4) as u64,
        );
        let step = Step { position: self.position as u32, n_tokens: tokens as u32, ..Step::default() };
        let step = variant.step(step);
        let sinks = sinks.map(|sinks| variant.upload(sinks));
        let slices = AttentionSlices {
            q: &q,
            kv: &kv,
            out: &out,
            step: &step,
            scratch: &scratch,
            sinks: sinks.as_ref(),
        };
        let dispatches = match path {
            Path::Plain => plain(&variant.kernels, &self.shape, slices),
            Path::Tiled => tiled(&variant.kernels, &self.shape, slices).map(|d| vec![d]),
            Path::Split => split(&variant.kernels, &self.shape, slices, false),
            Path::Lanes => {
                split(&variant.kernels, &self.shape, slices, self.shape.has_lanes(variant.device.facts()))
            }
        }
        .unwrap();
        let size = StepSize { tokens: tokens as u32, outputs: 1 };
        variant.run(&dispatches, size);
        variant.read(&out, self.q.len())
    }
}

#[test]
fn every_kernel_agrees_with_the_reference_in_every_shape() {
    for (i, case) in CASES.into_iter().enumerate() {
        // Each third case with each type: what differs is one function.
        let kv_type = [KvType::F32, KvType::F16, KvType::Q8_0][i % 3];
        let mut data = Data::random(case, kv_type);
        let expected = data.expected();
        let positions = case.position + case.tokens;
        for segments in [Segments::one(positions), Segments::new(positions, SHORT)] {
            data.shape.segments = segments;
            for path in PATHS {
                if path == Path::Lanes && !data.shape.has_lanes(device().device.facts()) {
                    continue;
                }
                let found = data.run(device(), path, None);
                let what = format!("{path:?} {kv_type:?} {case:?} {segments:?}");
                assert_close(&what, &found, &expected, 1e-5);
            }
        }
    }
}

/// Subgroups of 16 and 32 are a GPU's: in software there is nothing to check.
#[test]
fn heads_as_wide_as_a_subgroup_agree_with_the_reference() {
    let cases = [
        Case { position: 700, group: 4, head_dim: 64, ..CASE },
        Case { tokens: 3, position: 77, group: 7, head_dim: 128, kv_heads: 1, window: Some(50), ..CASE },
    ];
    for (case, kv_type) in cases.into_iter().zip([KvType::F16, KvType::Q8_0]) {
        let mut data = Data::random(case, kv_type);
        if !data.shape.has_lanes(device().device.facts()) {
            eprintln!("skipped: subgroups of {}", device().device.facts().subgroup_min);
            continue;
        }
        for segments in [data.shape.segments, Segments::new(case.position + case.tokens, SHORT)] {
            data.shape.segments = segments;
            let found = data.run(device(), Path::Lanes, None);
            assert_close(&format!("{kv_type:?} {case:?} {segments:?}"), &found, &data.expected(), 1e-5);
        }
    }
}

#[test]
fn every_kernel_runs_on_the_smallest_device() {
    // The largest workgroup memory, and a usual shape.
    let cases = [
        Case { tokens: 2, position: 70, group: 8, head_dim: 256, kv_heads: 1, ..CASE },
        Case { tokens: 9, position: 40, group: 4, head_dim: 64, ..CASE },
    ];
    for variant in &variants()[1..] {
        for case in cases {
            for (path, kv_type) in PATHS.into_iter().flat_map(|p| [(p, KvType::F16), (p, KvType::Q8_0)]) {
                let data = Data::random(case, kv_type);
                let found = data.run(variant, path, None);
                let what = format!("{path:?} {kv_type:?} {case:?} on {}", variant.name);
                assert_close(&what, &found, &data.expected(), 1e-5);
            }
        }
    }
}

#[test]
fn large_scores_do_not_overflow_and_one_key_takes_all() {
    for path in PATHS {
        let mut data = Data::random(Case { tokens: 3, position: 50, head_dim: 16, ..CASE }, KvType::F32);
        data.q.iter_mut().for_each(|v| *v *= 3e4);
        let found = data.run(device(), path, None);
        assert!(found.iter().all(|v| v.is_finite()), "{path:?}");
        assert_close(&format!("{path:?}"), &found, &data.expected(), 1e-4);
    }
}

#[test]
fn nan_reaches_the_result_of_every_query_that_sees_it() {
    for path in PATHS {
        let mut data = Data::random(Case { tokens: 2, position: 64, head_dim: 16, ..CASE }, KvType::F32);
        let width = data.shape.cache.n_kv_heads * data.shape.cache.head_dim;
        data.keys[33 * width] = f32::NAN;
        let found = data.run(device(), path, None);
        // Key head 0, which query head 0 reads.
        assert!(found[..16].iter().all(|v| v.is_nan()), "{path:?}: {:?}", &found[..16]);
        assert!(found[16..32].iter().all(|v| v.is_finite()), "{path:?}: {:?}", &found[16..32]);
    }
}

#[test]
fn a_sink_is_a_score_without_a_value() {
    let case = Case { tokens: 3, position: 90, group: 2, head_dim: 16, ..CASE };
    let sinks = [0.5, -40.0, 3.0, 60.0];
    let data = Data::random(case, KvType::F32);
    // The same as one more key whose value is 0: out * (1 - p), p = exp(sink) / (exp(sink) + sum exp(scores)).
    let mut expected = data.expected();
    let AttentionShape { cache, attention, .. } = data.shape;
    for (row, (q, out)) in data.q.chunks(cache.head_dim).zip(expected.chunks_mut(cache.head_dim)).enumerate()
    {
        let (t, head) = (row / attention.n_heads, row % attention.n_heads);
        let keys = data.keys.chunks(cache.head_dim).skip(head / 2).step_by(cache.n_kv_heads);
        let scores = keys.take(data.position + t + 1).map(|key| {
            f64::from(attention.scale) * q.iter().zip(key).map(|(q, k)| f64::from(q * k)).sum::<f64>()
        });
        let sum: f64 = scores.map(f64::exp).sum();
        let share = (sum / (sum + f64::from(sinks[head]).exp())) as f32;
        out.iter_mut().for_each(|v| *v *= share);
    }
    for path in PATHS {
        let found = data.run(device(), path, Some(&sinks));
        assert_close(&format!("{path:?}"), &found, &expected, 1e-5);
    }
}

#[test]
fn heads_that_do_not_fit_are_refused() {
    for head_dim in [0, 6, 260] {
        let mut data = Data::random(CASE, KvType::F32);
        data.shape.cache.head_dim = head_dim;
        let error = data.shape.constants([]).unwrap_err();
        assert!(error.to_string().contains(&head_dim.to_string()), "{error}");
    }
}
