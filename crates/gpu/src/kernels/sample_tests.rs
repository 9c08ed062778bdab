//! Sampling against `sotto_text::sampling`: the same ids from the same logits, settings and steps.
//!
//! The CPU sums weights in f64 and the GPU exp's error is a few units in the last place, so where a boundary between two
//! tokens falls within that error either is right. Such draws are rare, and each is checked to be one.

use sotto_plan::{Sampling, sampling::uniform};
use sotto_text::sampling::{SampleError, TokenCounts, sample};

use super::*;
use crate::kernel::{Step, StepSize};
use crate::testing::{Variant, device, random, variants};

/// Draws from one set of logits: dispatched in one pass, each advancing the step for the next.
const DRAWS: usize = 16;

/// A sampler and its buffers.
struct Rig<'a> {
    variant: &'a Variant,
    shape: SampleShape,
    sampling: Slice,
    logits: Slice,
    counts: Slice,
    step: Slice,
    ids: Slice,
    ring: Slice,
    greedy: Vec<Dispatch>,
    draw: Vec<Dispatch>,
}

impl<'a> Rig<'a> {
    fn new(variant: &'a Variant, shape: SampleShape) -> Rig<'a> {
        let [logits, counts] = [(); 2].map(|()| variant.empty(4 * shape.vocab as u64));
        let sampling = variant.empty(size_of::<SamplingUniform>() as u64);
        let (step, ids, ring) =
            (variant.step(Step::default()), variant.empty(4), variant.empty(4 * shape.ring as u64));
        let scratch = SampleScratch::new(&variant.device, &shape).unwrap();
        let slices = SampleSlices {
            sampling: &sampling,
            logits: &logits,
            counts: &counts,
            step: &step,
            ids: &ids,
            ring: &ring,
            scratch: &scratch,
        };
        let greedy = greedy(&variant.kernels, &shape, slices).unwrap();
        let draw = draw(&variant.kernels, &shape, slices).unwrap();
        Rig { variant, shape, sampling, logits, counts, step, ids, ring, greedy, draw }
    }

    /// The ids of `n` steps from `first_step`, all from the same logits.
    fn ids(
        &self,
        logits: &[f32],
        counts: &[u32],
        sampling: &Sampling,
        first_step: u32,
        n: usize,
    ) -> Vec<u32> {
        assert!(n <= self.shape.ring);
        let write =
            |slice: &Slice, bytes: &[u8]| self.variant.device.queue().write_buffer(&slice.buffer, 0, bytes);
        write(&self.logits, bytemuck::cast_slice(logits));
        write(&self.counts, bytemuck::cast_slice(counts));
        write(&self.sampling, bytemuck::bytes_of(&SamplingUniform::new(sampling, self.shape.vocab)));
        let step = Step { position: 7, n_tokens: 5, sample_step: first_step, ..Step::default() };
        write(&self.step, bytemuck::bytes_of(&step));
        let once = if sampling.is_greedy() { &self.greedy } else { &self.draw };
        let all: Vec<_> = std::iter::repeat_n(once, n).flatten().cloned().collect();
        self.variant.run(&all, StepSize { tokens: 1, outputs: 1 });
        let ring: Vec<u32> = self.variant.read(&self.ring, self.shape.ring);
        (0..n).map(|i| ring[(first_step as usize + i) % self.shape.ring]).collect()
    }

    /// Draws [`DRAWS`] times on both sides; returns how many differed, each within rounding.
    fn compare(&self, what: &str, logits: &[f32], prompt: &[u32], sampling: &Sampling) -> usize {
        let mut counts = TokenCounts::new(logits.len());
        prompt.iter().for_each(|&id| counts.prompt(id));
        // So that frequencies differ.
        prompt.iter().skip(1).step_by(2).for_each(|&id| counts.generated(id));
        let found = self.ids(logits, counts.as_slice(), sampling, 3, DRAWS);
        let mut differing = 0;
        for (step, &id) in (3..).zip(&found) {
            let expected = sample(&mut logits.to_vec(), counts.as_slice(), sampling, step).unwrap();
            if id != expected {
                differing += 1;
                let right = acceptable(logits, counts.as_slice(), sampling, step);
                assert!(
                    right.contains(&id),
                    "{what}, step {step}, {sampling:?}: {id}, but the CPU gives {expected}, or one of {right:?}"
                );
            }
            counts.generated(id);
        }
        assert_eq!(self.variant.read::<u32>(&self.counts, logits.len()), counts.as_slice(), "{what}: counts");
        let step = self.variant.read::<Step>(&self.step, 1)[0];
        let advanced = Step {
            position: 7 + 5 + DRAWS as u32 - 1,
            n_tokens: 1,
            n_outputs: 1,
            sample_step: 3 + DRAWS as u32,
            ..Step::default()
        };
        assert_eq!(step, advanced, "{what}");
        assert_eq!(
            self.variant.read::<u32>(&self.ids, 1),
            found[DRAWS - 1..],
            "{what}: the next step's token"
        );
        differing
    }
}

/// Ids that are right when every boundary may be off by a little more than rounding.
fn acceptable(logits: &[f32], counts: &[u32], sampling: &Sampling, step: u32) -> Vec<u32> {
    const OFF: f64 = 4e-6;
    let mut penalised = logits.to_vec();
    // Leaves penalised logits behind.
    let _ = sample(&mut penalised, counts, sampling, step);
    let max = penalised.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = |&l: &f32| (f64::from(l - max) / f64::from(sampling.temperature)).exp();
    let weights: Vec<f64> = penalised.iter().map(weight).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|&a, &b| penalised[b].total_cmp(&penalised[a]));
    let kth =
        order.get((sampling.top_k as usize).wrapping_sub(1)).map_or(f32::NEG_INFINITY, |&i| penalised[i]);
    let mut ids = Vec::new();
    for (top_p, min_p, u) in [-OFF, 0.0, OFF]
        .iter()
        .flat_map(|p| [-OFF, 0.0, OFF].iter().flat_map(move |m| [-OFF, 0.0, OFF].map(|u| (p, m, u))))
        .map(|(p, m, u)| (f64::from(sampling.top_p) + p, f64::from(sampling.min_p) * (1.0 + m), u))
    {
        let in_k = |i: usize| penalised[i] >= kth;
        let total: f64 = order.iter().filter(|&&i| in_k(i)).map(|&i| weights[i]).sum();
        let mut mass = 0.0;
        let reached = order.iter().filter(|&&i| in_k(i)).find(|&&i| {
            mass += weights[i];
            mass >= top_p * total
        });
        let least = reached.map_or(0.0, |&i| weights[i] * (1.0 - OFF));
        let least = if sampling.top_p < 1.0 { least.max(min_p) } else { min_p };
        let kept = |i: usize| in_k(i) && weights[i] >= least;
        let total: f64 = (0..weights.len()).filter(|&i| kept(i)).map(|i| weights[i]).sum();
        let mut mass = 0.0;
        let target = (f64::from(uniform(sampling.seed, step)) + u) * total;
        ids.extend((0..weights.len()).filter(|&i| kept(i)).find(|&i| {
            mass += weights[i];
            mass > target
        }));
    }
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter().map(|i| i as u32).collect()
}

/// Bell-shaped, of standard deviation `spread`.
fn bell(seed: u64, n: usize, spread: f32) -> Vec<f32> {
    random(seed, 4 * n).chunks(4).map(|four| four.iter().sum::<f32>() * spread * 0.866).collect()
}

fn settings(seed: u64) -> Vec<Sampling> {
    let plain = Sampling { seed, ..Sampling::default() };
    vec![
        plain,
        Sampling { temperature: 0.3, ..plain },
        Sampling { temperature: 5.0, ..plain },
        Sampling { top_k: 1, ..plain },
        Sampling { top_k: 40, temperature: 0.8, ..plain },
        Sampling { top_p: 0.5, ..plain },
        Sampling { top_p: 0.95, temperature: 1.5, ..plain },
        Sampling { top_p: 0.001, ..plain },
        Sampling { min_p: 0.05, ..plain },
        Sampling { min_p: 1.0, ..plain },
        Sampling { top_k: 50, top_p: 0.9, min_p: 0.02, temperature: 0.7, ..plain },
        Sampling { repetition_penalty: 1.3, presence_penalty: 0.4, frequency_penalty: 0.2, ..plain },
        Sampling { repetition_penalty: 0.7, top_k: 20, ..plain },
        Sampling { frequency_penalty: -0.5, top_p: 0.8, ..plain },
        Sampling { temperature: 0.0, ..plain },
        Sampling { temperature: 0.0, repetition_penalty: 1.8, presence_penalty: 1.0, ..plain },
    ]
}

#[test]
fn draws_are_those_of_the_cpu() {
    let (mut draws, mut differing) = (0, 0);
    let shapes = [(1, ON_A_GPU), (31, IN_SOFTWARE), (257, ON_A_GPU), (3000, IN_SOFTWARE), (1500, ON_A_GPU)];
    for (vocab, tuning) in shapes {
        let rig = Rig::new(device(), SampleShape::with(vocab, DRAWS, tuning));
        let prompt: Vec<u32> = (0..vocab as u32).step_by(3).take(40).collect();
        for seed in 0..2u64 {
            let smooth = bell(seed + 10, vocab, [1.0, 6.0][seed as usize]);
            // Many ties, at the maximum among them.
            let stepped: Vec<f32> = smooth.iter().map(|l| l.round().min(3.0)).collect();
            let masked: Vec<f32> =
                (0..).zip(&smooth).map(|(i, &l)| if i % 3 == 1 { f32::NEG_INFINITY } else { l }).collect();
            for sampling in settings(seed.wrapping_mul(0x1234_5678_9abc_def1)) {
                for (kind, logits) in [("smooth", &smooth), ("stepped", &stepped), ("masked", &masked)] {
                    let what = format!("{kind} {seed} [{vocab}]");
                    differing += rig.compare(&what, logits, &prompt, &sampling);
                    draws += DRAWS;
                }
            }
        }
    }
    assert!(differing * 1000 <= draws, "{differing} of {draws} draws differ");
}

#[test]
fn a_large_vocabulary_is_sampled_exactly() {
    const VOCAB: usize = 151_936;
    let rig = Rig::new(device(), SampleShape::with(VOCAB, DRAWS, IN_SOFTWARE));
    let logits = bell(5, VOCAB, 3.0);
    let equal = vec![1.5; VOCAB];
    let base = Sampling { seed: 99, ..Sampling::default() };
    for sampling in [
        base,
        Sampling { top_k: 50, top_p: 0.9, temperature: 0.7, ..base },
        // Many candidates.
        Sampling { top_k: 2000, top_p: 0.99, ..base },
        Sampling { top_p: 0.95, ..base },
    ] {
        assert!(rig.compare("bell", &logits, &[], &sampling) <= 1);
        assert!(rig.compare("equal", &equal, &[], &sampling) <= 1);
    }
    assert_eq!(rig.compare("equal", &equal, &[], &Sampling::greedy()), 0);
}

#[test]
fn every_device_samples_alike() {
    let logits = bell(8, 700, 2.0);
    for variant in variants() {
        let shapes = [
            SampleShape::new(variant.device.facts(), 700, DRAWS),
            // What a GPU with these limits gets.
            SampleShape::new(&DeviceFacts { software: false, ..variant.device.facts().clone() }, 700, DRAWS),
        ];
        for shape in shapes {
            let rig = Rig::new(variant, shape);
            for sampling in settings(1) {
                let what = format!("{shape:?} on {}", variant.name);
                assert!(rig.compare(&what, &logits, &[1, 2, 600], &sampling) <= 1);
            }
        }
    }
}

#[test]
fn ties_go_to_the_lowest_id_whatever_its_slice() {
    let rig = Rig::new(device(), SampleShape::with(3000, DRAWS, IN_SOFTWARE));
    let mut logits = bell(9, 3000, 1.0);
    for at in [2999, 1700, 1699, 20, 4] {
        logits[at] = 50.0;
        assert_eq!(rig.ids(&logits, &[0; 3000], &Sampling::greedy(), 0, 1), [at as u32]);
    }
    let signs = [-0.0, 0.0].repeat(1500);
    assert_eq!(rig.ids(&signs, &[0; 3000], &Sampling::greedy(), 0, 1), [0]);
}

#[test]
fn nan_and_the_absence_of_a_candidate_are_no_id() {
    let vocab = 3000;
    let rig = Rig::new(device(), SampleShape::with(vocab, DRAWS, IN_SOFTWARE));
    let counts: Vec<u32> = (0..vocab as u32).map(|i| i % 3).collect();
    for at in [0, 1234, vocab - 1] {
        let negative = f32::from_bits(f32::NAN.to_bits() | 1 << 31);
        for (nan, sampling) in
            [f32::NAN, negative].iter().flat_map(|&n| settings(2).into_iter().map(move |s| (n, s)))
        {
            let mut logits = bell(4, vocab, 1.0);
            logits[at] = nan;
            let cpu = sample(&mut logits.clone(), &counts, &sampling, 0);
            assert_eq!(cpu, Err(SampleError::Nan { id: at as u32 }));
            assert_eq!(rig.ids(&logits, &counts, &sampling, 0, 2), [NO_ID; 2], "{sampling:?}");
            assert_eq!(rig.variant.read::<u32>(&rig.counts, vocab), counts);
            assert_eq!(rig.variant.read::<u32>(&rig.ids, 1), [0]);
        }
    }
    let none = vec![f32::NEG_INFINITY; vocab];
    for sampling in settings(3) {
        assert_eq!(rig.ids(&none, &vec![0; vocab], &sampling, 0, 1), [NO_ID], "{sampling:?}");
    }
}

#[test]
fn infinite_logits_share_the_draw() {
    let rig = Rig::new(device(), SampleShape::with(257, DRAWS, ON_A_GPU));
    let mut logits = bell(4, 257, 1.0);
    logits[40] = f32::INFINITY;
    logits[200] = f32::INFINITY;
    for sampling in settings(4) {
        rig.compare("infinite", &logits, &[3], &sampling);
    }
}
