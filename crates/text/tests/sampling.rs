//! Sampling against a plain reading of its definition, in f64, and against the probabilities it should draw with.

use sotto_plan::Sampling;
use sotto_plan::sampling::uniform;
use sotto_text::sampling::{IN_PROMPT, SampleError, TokenCounts, sample};

/// The probability of each token, by definition.
fn probabilities(logits: &[f32], counts: &[u32], s: &Sampling) -> Vec<f64> {
    let mut l: Vec<f64> = logits.iter().map(|&l| f64::from(l)).collect();
    for (l, &count) in l.iter_mut().zip(counts) {
        if count > 0 {
            *l = if *l > 0.0 {
                *l / f64::from(s.repetition_penalty)
            } else {
                *l * f64::from(s.repetition_penalty)
            };
        }
        let generated = count & !IN_PROMPT;
        if generated > 0 {
            *l -= f64::from(s.presence_penalty) + f64::from(s.frequency_penalty) * f64::from(generated);
        }
    }
    let mut order: Vec<usize> = (0..l.len()).collect();
    order.sort_by(|&a, &b| l[b].total_cmp(&l[a]));
    let kth = if s.top_k == 0 { f64::NEG_INFINITY } else { l[order[(s.top_k as usize).min(l.len()) - 1]] };
    let softmax = |kept: &[bool]| -> Vec<f64> {
        let e: Vec<f64> = l
            .iter()
            .zip(kept)
            .map(|(l, &kept)| if kept { (l / f64::from(s.temperature)).exp() } else { 0.0 })
            .collect();
        let sum: f64 = e.iter().sum();
        e.iter().map(|e| e / sum).collect()
    };
    let mut kept: Vec<bool> = l.iter().map(|&l| l >= kth).collect();
    let p = softmax(&kept);
    let mass_from = |least: f64| p.iter().filter(|&&p| p >= least).sum::<f64>();
    let p_star =
        p.iter().copied().filter(|&least| mass_from(least) >= f64::from(s.top_p)).fold(0.0, f64::max);
    let max = p.iter().copied().fold(0.0, f64::max);
    for (kept, p) in kept.iter_mut().zip(&p) {
        *kept &= (s.top_p >= 1.0 || *p >= p_star) && *p >= f64::from(s.min_p) * max;
    }
    softmax(&kept)
}

fn logits(n: usize, seed: u64) -> Vec<f32> {
    (0..n as u32).map(|i| (uniform(seed, i) - 0.5) * 8.0).collect()
}

const SETTINGS: &[Sampling] = {
    const S: Sampling = Sampling {
        temperature: 1.0,
        top_k: 0,
        top_p: 1.0,
        min_p: 0.0,
        repetition_penalty: 1.0,
        presence_penalty: 0.0,
        frequency_penalty: 0.0,
        seed: 7,
    };
    &[
        S,
        Sampling { temperature: 0.6, ..S },
        Sampling { temperature: 2.5, seed: u64::MAX, ..S },
        Sampling { top_k: 5, ..S },
        Sampling { top_p: 0.8, seed: 11, ..S },
        Sampling { min_p: 0.1, temperature: 1.5, ..S },
        Sampling { top_k: 12, top_p: 0.9, min_p: 0.05, temperature: 1.3, ..S },
        Sampling { repetition_penalty: 1.3, presence_penalty: 0.4, frequency_penalty: 0.2, ..S },
        Sampling {
            repetition_penalty: 0.8,
            presence_penalty: -0.5,
            top_p: 0.95,
            temperature: 0.9,
            seed: 1 << 40,
            ..S
        },
    ]
};

#[test]
fn draws_are_distributed_as_defined() {
    const DRAWS: u32 = 20_000;
    for (n, settings) in SETTINGS.iter().enumerate() {
        let logits = logits(40, n as u64);
        let counts: Vec<u32> = (0..40).map(|i| [0, IN_PROMPT, 1, IN_PROMPT + 3][i % 4]).collect();
        let expected = probabilities(&logits, &counts, settings);
        let mut drawn = vec![0u32; logits.len()];
        for step in 0..DRAWS {
            drawn[sample(&mut logits.clone(), &counts, settings, step).unwrap() as usize] += 1;
        }
        let mut chi_square = 0.0;
        let mut possible = 0;
        for (&p, &drawn) in expected.iter().zip(&drawn) {
            if p == 0.0 {
                assert_eq!(drawn, 0, "{settings:?}: a token that was taken out was drawn");
                continue;
            }
            possible += 1;
            let wanted = p * f64::from(DRAWS);
            chi_square += (f64::from(drawn) - wanted).powi(2) / wanted;
        }
        // The mean of chi-square is the number of free cells, its variance twice that: five deviations above.
        let free = f64::from(possible - 1);
        assert!(chi_square < free + 5.0 * (2.0 * free).sqrt() + 1.0, "{settings:?}: {chi_square} for {free}");
        assert!(possible > 1, "{settings:?} leaves nothing to draw");
    }
}

#[test]
fn each_draw_is_the_one_the_definition_names() {
    for (n, settings) in SETTINGS.iter().enumerate() {
        for size in [1, 2, 33, 257] {
            let logits = logits(size, 100 + n as u64);
            let counts = vec![0; size];
            let p = probabilities(&logits, &counts, settings);
            for step in 0..50 {
                let u = f64::from(uniform(settings.seed, step));
                let mut mass = 0.0;
                let wanted = p.iter().position(|p| {
                    mass += p;
                    mass > u
                });
                // Within rounding of a boundary either neighbour is right.
                let near = p
                    .iter()
                    .scan(0.0, |mass, p| {
                        *mass += p;
                        Some(*mass)
                    })
                    .any(|mass: f64| (mass - u).abs() < 1e-6);
                let drawn = sample(&mut logits.clone(), &counts, settings, step).unwrap() as usize;
                assert!(near || Some(drawn) == wanted, "{settings:?}, step {step}: {drawn}, not {wanted:?}");
            }
        }
    }
}

#[test]
fn greedy_takes_the_lowest_of_equals_after_penalties() {
    let greedy = Sampling::greedy();
    assert_eq!(sample(&mut [1.0, 3.0, 3.0, -1.0], &[], &greedy, 0), Ok(1));
    assert_eq!(sample(&mut [f32::NEG_INFINITY, -5.0], &[], &greedy, 0), Ok(1));
    assert_eq!(sample(&mut [0.0, f32::INFINITY, f32::INFINITY], &[], &greedy, 0), Ok(1));
    let penalised = Sampling { repetition_penalty: 2.0, ..greedy };
    assert_eq!(sample(&mut [1.0, 3.0, 2.0], &[0, IN_PROMPT, 0], &penalised, 0), Ok(2));
    assert_eq!(sample(&mut [-1.0, -1.5], &[1, 0], &penalised, 0), Ok(1));
    let present = Sampling { presence_penalty: 2.5, ..greedy };
    assert_eq!(sample(&mut [1.0, 3.0], &[0, IN_PROMPT], &present, 0), Ok(1), "the prompt is not the reply");
    assert_eq!(sample(&mut [1.0, 3.0], &[0, 1], &present, 0), Ok(0));
    let frequent = Sampling { frequency_penalty: 0.7, ..greedy };
    assert_eq!(sample(&mut [1.0, 3.0], &[0, 2], &frequent, 0), Ok(1));
    assert_eq!(sample(&mut [1.0, 3.0], &[0, 3], &frequent, 0), Ok(0));
}

/// The tokens that are ever drawn.
fn possible(logits: &[f32], settings: Sampling) -> Vec<u32> {
    let mut drawn: Vec<u32> =
        (0..2000).map(|step| sample(&mut logits.to_vec(), &[], &settings, step).unwrap()).collect();
    drawn.sort_unstable();
    drawn.dedup();
    drawn
}

#[test]
fn ties_at_the_edge_stay() {
    let s = Sampling::default();
    let tied = [2.0, 1.0, 2.0, 2.0, 0.5];
    assert_eq!(possible(&tied, Sampling { top_k: 1, ..s }), [0, 2, 3]);
    assert_eq!(possible(&tied, Sampling { top_k: 4, ..s }), [0, 1, 2, 3]);
    assert_eq!(possible(&tied, Sampling { top_k: 99, ..s }), [0, 1, 2, 3, 4]);
    assert_eq!(possible(&tied, Sampling { top_p: 1e-6, ..s }), [0, 2, 3]);
    assert_eq!(possible(&tied, Sampling { min_p: 1.0, ..s }), [0, 2, 3]);
    // Halves and quarters: the mass of the first two is exactly 3/4.
    let halves = [0.5f32.ln(), 0.25f32.ln(), 0.125f32.ln(), 0.125f32.ln()];
    assert_eq!(possible(&halves, Sampling { top_p: 0.74, ..s }), [0, 1]);
    assert_eq!(possible(&halves, Sampling { top_p: 0.76, ..s }), [0, 1, 2, 3]);
    assert_eq!(
        possible(&halves, Sampling { top_k: 2, top_p: 0.6, ..s }),
        [0],
        "top-p looks at what top-k kept"
    );
    assert_eq!(possible(&halves, Sampling { min_p: 0.4, ..s }), [0, 1]);
    assert_eq!(possible(&[0.0, f32::NEG_INFINITY, 0.0], s), [0, 2]);
    assert_eq!(possible(&[0.0, f32::INFINITY, 9.0], s), [1]);
    assert_eq!(possible(&[1e30, -1e30], Sampling { temperature: 1e-30, ..s }), [0]);
}

#[test]
fn impossible_logits_are_errors() {
    let s = Sampling::default();
    assert_eq!(sample(&mut [], &[], &s, 0), Err(SampleError::NoCandidate { logits: 0 }));
    assert_eq!(sample(&mut [f32::NEG_INFINITY; 3], &[], &s, 0), Err(SampleError::NoCandidate { logits: 3 }));
    for settings in [s, Sampling::greedy()] {
        assert_eq!(
            sample(&mut [1.0, f32::NAN, f32::NAN], &[], &settings, 0),
            Err(SampleError::Nan { id: 1 })
        );
    }
    let penalised = Sampling { repetition_penalty: 1.1, ..s };
    assert_eq!(
        sample(&mut [1.0, 2.0], &[0], &penalised, 0),
        Err(SampleError::Counts { counts: 1, logits: 2 })
    );
    assert!(matches!(
        sample(&mut [1.0], &[], &Sampling { top_p: 0.0, ..s }, 0),
        Err(SampleError::Settings(_))
    ));
}

#[test]
fn counts_keep_prompt_and_reply_apart() {
    let mut counts = TokenCounts::new(3);
    counts.prompt(0);
    counts.prompt(1);
    counts.generated(1);
    counts.generated(1);
    counts.generated(2);
    counts.generated(99);
    assert_eq!(counts.as_slice(), [IN_PROMPT, IN_PROMPT + 2, 1]);
}
