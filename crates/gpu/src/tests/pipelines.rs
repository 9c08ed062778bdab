//! When pipelines are compiled, and how many: by the time weights may come, and as many for two layers as for all.

use super::*;
use sotto_plan::Op;

/// `layers` layers of a model, the last among them, which differs: from some place on it has rows of outputs alone. A layer
/// ends with its second sum.
fn cut(plan: &Plan, layers: usize) -> Plan {
    let sums = plan.ops.iter().enumerate().filter(|(_, op)| matches!(op, Op::Add { .. }));
    let sums: Vec<_> = sums.filter_map(|(at, op)| Some((at, op.out()?))).collect();
    let (kept, (end, last)) = (sums[2 * (layers - 1) - 1], sums[sums.len() - 3]);
    let mut cut = plan.clone();
    cut.ops.drain(kept.0 + 1..=end);
    for op in &mut cut.ops[kept.0 + 1..] {
        op.inputs_mut().filter(|input| **input == last).for_each(|input| *input = kept.1);
    }
    cut
}

#[test]
fn pipelines_depend_on_shapes_and_types_and_not_on_the_number_of_layers() {
    let file = open("tok105/tok105-q4_0.gguf");
    let layers = file.plan.caches.len();
    assert!(layers > 2);
    let hardware = DeviceOptions { hardware_kernels: true, ..DeviceOptions::default() };
    for options_of in [DeviceOptions::default(), hardware] {
        let device = pollster::block_on(GpuDevice::request(&options_of)).unwrap();
        let counts = [2, 3, layers].map(|layers| {
            let plan = cut(&file.plan, layers);
            let loader = pollster::block_on(Loader::new(&device, plan, &options(KvType::F16, true))).unwrap();
            loader.pipelines()
        });
        assert_eq!(counts, [counts[0]; 3]);
    }
}

#[test]
fn nothing_compiles_after_the_weights_begin_to_come() {
    let hardware = DeviceOptions { hardware_kernels: true, ..DeviceOptions::default() };
    let hardware = pollster::block_on(GpuDevice::request(&hardware)).unwrap();
    // A cache that is there from the start, and one that grows under way: by segments of 32, 32, 64 and 128 positions.
    for (device, first_positions) in [(device(), 512), (device(), 32), (hardware, 32)] {
        let file = open("tok105/tok105-q4_0.gguf");
        let options = ModelOptions { first_positions, ..options(KvType::F16, true) };
        let mut loader = pollster::block_on(Loader::new(&device, file.plan.clone(), &options)).unwrap();
        let asked_for = loader.pipelines();
        for id in 0..file.plan.weights.len() as u32 {
            loader.write(WeightId(id), 0, file.weight(id)).unwrap();
        }
        let mut model = pollster::block_on(loader.finish()).unwrap();
        let segments = |model: &GpuModel| model.runtime.buffers.caches[0].segments.len();
        assert_eq!(segments(&model), 1);
        let drawn = Sampling { top_k: 20, seed: 3, ..Sampling::default() };
        for (sampling, prompt) in [(Sampling::greedy(), 20), (drawn, 50), (Sampling::greedy(), 130)] {
            model.truncate(0);
            reply(&mut model, &vec![1; prompt], 16, &sampling);
        }
        assert_eq!(segments(&model), if first_positions == 512 { 1 } else { 4 });
        assert_eq!(model.runtime.kernels.pipelines(), asked_for, "{first_positions}, {}", device.tuning());
    }
}
