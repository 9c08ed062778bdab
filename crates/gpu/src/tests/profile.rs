//! Where a step's time goes, taken of real steps.

use super::*;
use crate::profile::Profile;

fn count(profile: &Profile, kernel: &str) -> usize {
    let of = |name: &str| name.split(' ').next() == Some(kernel);
    profile.kernels.iter().filter(|kind| of(&kind.kernel)).map(|kind| kind.count).sum()
}

/// No more than all of a step, apart from what the moments themselves take, and nothing left out.
fn check(profile: &Profile, dispatches: u64) {
    assert_eq!(profile.kernels.iter().map(|kind| kind.count as u64).sum::<u64>(), dispatches);
    assert!(profile.kernels.iter().all(|kind| kind.seconds >= 0.0 && !kind.shape.is_empty()));
    assert!(profile.kernels.is_sorted_by(|a, b| a.seconds >= b.seconds));
    let (sum, whole) = (profile.sum(), profile.whole);
    // Steps of a small model on a machine with others at work; a unit that is wrong is off by a thousand.
    assert!(whole > 0.0 && (whole / 30.0..whole * 30.0).contains(&sum), "{sum} of {whole}");
}

#[test]
fn a_decode_step_is_taken_apart() {
    let hardware = DeviceOptions { hardware_kernels: true, ..DeviceOptions::default() };
    let hardware = pollster::block_on(GpuDevice::request(&hardware)).unwrap();
    let file = open("tok105/tok105-q4_0.gguf");
    let layers = file.plan.caches.len();
    for (device, inside) in [(device(), false), (hardware, true)] {
        if !device.facts().timestamps || (inside && !device.facts().timestamps_in_passes) {
            continue;
        }
        let mut model = file.on_gpu(&device, &options(KvType::F16, true));
        let expected = greedy(&mut model, &[1, 5, 9], 12);
        let profile = pollster::block_on(model.profile_decode_by(&[1, 5, 9], 3, inside)).unwrap();
        check(&profile, model.dispatches_per_token());
        assert_eq!(count(&profile, "qkv"), layers);
        let down = profile.kernels.iter().find(|kind| kind.kernel == "matvec blk.*.ffn_down.weight").unwrap();
        let weight = file.plan.weights.iter().find(|weight| weight.name == "blk.0.ffn_down.weight").unwrap();
        assert_eq!((down.count, &down.shape), (layers, &format!("{} x {} Q4_0", weight.rows, weight.cols)));
        let weights: u64 = profile.kernels.iter().map(|kind| kind.weight_bytes).sum();
        assert_eq!(weights, model.runtime.decode_weight_bytes);
        // The steps were real: what comes after is as if there had been none.
        assert_eq!(model.position(), 0);
        assert_eq!(greedy(&mut model, &[1, 5, 9], 12), expected);
    }
}

#[test]
fn a_prefill_step_is_taken_apart() {
    let file = open("tok105/tok105-q4_0.gguf");
    let device = device();
    if !device.facts().timestamps {
        return;
    }
    let mut model = file.on_gpu(&device, &options(KvType::F16, true));
    let before = model.counters().dispatches;
    pollster::block_on(model.prefill_for_decode(&[1; 20])).unwrap();
    let dispatches = model.counters().dispatches - before;
    let profile = pollster::block_on(model.profile_prefill(&[1; 20], 2)).unwrap();
    assert_eq!(profile.tokens, 20);
    check(&profile, dispatches);
    assert!(profile.kernels.iter().any(|kind| kind.shape.contains(" x 20 Q4_0")), "{profile:?}");
    assert_eq!(model.position(), 0);
    // As long as the context is.
    let error = pollster::block_on(model.profile_decode(&[1; 510], 2)).unwrap_err();
    assert!(matches!(error, GpuError::ContextLength { .. }), "{error}");
}
