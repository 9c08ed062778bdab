//! Steps with drafts: whatever is drafted, the reply is the one without.

use super::*;

/// What is drafted before token `at` of the reply `whole`.
type Guess = fn(whole: &[u32], at: usize) -> Vec<u32>;

fn right(whole: &[u32], at: usize) -> Vec<u32> {
    whole[at..whole.len().min(at + 9)].to_vec()
}

fn wrong(whole: &[u32], at: usize) -> Vec<u32> {
    right(whole, at).into_iter().map(|id| id ^ 1).collect()
}

/// Right up to a place that moves, and at times none at all.
fn mixed(whole: &[u32], at: usize) -> Vec<u32> {
    let good = at * 7 % 5;
    right(whole, at)
        .into_iter()
        .enumerate()
        .map(|(i, id)| if i < good { id } else { 3 })
        .take(at * 3 % 10)
        .collect()
}

fn drafted(
    model: &mut GpuModel,
    prompt: &[u32],
    whole: &[u32],
    sampling: &Sampling,
    guess: Guess,
) -> Vec<u32> {
    pollster::block_on(async {
        model.prefill_for_decode(prompt).await.unwrap();
        model.start(sampling, prompt).unwrap();
        let mut ids = Vec::new();
        while ids.len() < whole.len() {
            ids.push(model.next_with(&guess(whole, ids.len())).await.unwrap());
        }
        model.stop().await.unwrap();
        ids
    })
}

fn settings() -> [Sampling; 4] {
    let drawn = Sampling { temperature: 0.8, seed: 7, ..Sampling::default() };
    [
        Sampling::greedy(),
        Sampling { repetition_penalty: 1.3, frequency_penalty: 0.2, ..Sampling::greedy() },
        drawn,
        Sampling { top_k: 30, top_p: 0.9, presence_penalty: 0.5, repetition_penalty: 1.1, ..drawn },
    ]
}

#[test]
fn drafts_change_no_token() {
    let hardware = DeviceOptions { hardware_kernels: true, ..DeviceOptions::default() };
    let plain = DeviceOptions { without_subgroups: true, max_invocations: Some(128), ..hardware.clone() };
    let devices = [DeviceOptions::default(), hardware, plain]
        .map(|options| pollster::block_on(GpuDevice::request(&options)).unwrap());
    let cases = [
        ("tok105/tok105-q4_0.gguf", KvType::F16),
        ("stories260K/stories260K-f16.gguf", KvType::F16),
        ("tok105/tok105-q8_0.gguf", KvType::F16),
        ("tok105/tok105-q4_0.gguf", KvType::Q8_0),
    ];
    for (at, (name, kv_type)) in cases.into_iter().enumerate() {
        let file = open(name);
        // Segments end within the reply.
        let options = ModelOptions { first_positions: 16, ..options(kv_type, true) };
        let mut model = file.on_gpu(&devices[at % devices.len()], &options);
        let prompt = [&[1u32][..], &[1, 5, 9, 5], &[1; 40], &[1, 7]][at];
        for sampling in [settings()[at], settings()[3]] {
            model.truncate(0);
            let whole = reply(&mut model, prompt, 40, &sampling);
            for (guess, all, none) in
                [(right as Guess, true, false), (wrong, false, true), (mixed, false, false)]
            {
                model.truncate(0);
                let before = model.counters();
                let ids = drafted(&mut model, prompt, &whole, &sampling, guess);
                assert_eq!(ids, whole, "{name}, {sampling:?}");
                let after = model.counters();
                let [drafted, accepted] = [after.drafted - before.drafted, after.accepted - before.accepted];
                assert!(drafted > 0 && accepted <= drafted);
                assert_eq!(accepted == drafted, all, "{accepted} of {drafted}");
                assert_eq!(accepted == 0, none, "{accepted} of {drafted}");
            }
            // What was written beyond the reply is not there for the next.
            let kept = model.position();
            assert!(kept <= prompt.len() + whole.len());
            model.truncate(prompt.len() + 30);
            let rest = greedy(&mut model, &whole[30..31], 9);
            model.truncate(0);
            assert_eq!(greedy(&mut model, &[prompt, &whole[..31]].concat(), 9), rest);
        }
    }
}

#[test]
fn a_step_with_drafts_is_one_submit_and_creates_nothing() {
    let file = open("tok105/tok105-q4_0.gguf");
    let mut model = file.on_gpu(&device(), &options(KvType::F16, true));
    let whole = reply(&mut model, &[1], 41, &Sampling::greedy());
    model.truncate(0);
    let before = model.counters();
    drafted(&mut model, &[1], &whole, &Sampling::greedy(), right);
    let after = model.counters();
    assert_eq!(after.objects_created, before.objects_created);
    // The first token alone, then eight a step; and the prefill.
    assert_eq!(after.steps - before.steps, 1 + 5);
    assert_eq!(after.submits - before.submits, 1 + 1 + 5);
    assert_eq!(after.bytes_read_back - before.bytes_read_back, 4 + 5 * 64);
}

#[test]
fn drafts_end_with_the_context() {
    let file = open("stories260K/stories260K-f32.gguf");
    let options = ModelOptions { context_length: 30, first_positions: 8, ..options(KvType::F32, true) };
    let mut model = file.on_gpu(&device(), &options);
    let whole = greedy(&mut model, &[1, 2, 3], 28);
    for guess in [right as Guess, wrong] {
        model.truncate(0);
        let ids = drafted(&mut model, &[1, 2, 3], &whole, &Sampling::greedy(), guess);
        assert_eq!(ids, whole);
        model.truncate(0);
        let error = pollster::block_on(async {
            model.prefill_for_decode(&[1, 2, 3]).await.unwrap();
            model.start(&Sampling::greedy(), &[]).unwrap();
            for at in 0..28 {
                model.next_with(&guess(&whole, at)).await.unwrap();
            }
            model.next_with(&[5; 7]).await.unwrap_err()
        });
        assert_eq!(error, GpuError::ContextLength { needed: 31, limit: 30 });
    }
}

/// What is not a number comes out at its token, not with those before it.
#[test]
fn tokens_before_a_failure_are_given_out() {
    let file = open("tok105/tok105-f32.gguf");
    let mut loader =
        pollster::block_on(Loader::new(&device(), file.plan.clone(), &options(KvType::F32, true))).unwrap();
    let whole = greedy(&mut file.on_gpu(&device(), &options(KvType::F32, true)), &[1], 12);
    // A token that comes late and whose embedding is damaged.
    let (at, &bad) = whole.iter().enumerate().skip(5).find(|(at, id)| !whole[..*at].contains(id)).unwrap();
    for id in 0..file.plan.weights.len() as u32 {
        let weight = file.plan.weight(WeightId(id));
        let mut bytes = file.weight(id).to_vec();
        if weight.name == "token_embd.weight" {
            let row = weight.row_bytes() * bad as usize;
            bytes[row..row + 4].copy_from_slice(&f32::NAN.to_le_bytes());
        }
        loader.write(WeightId(id), 0, &bytes).unwrap();
    }
    let mut model = pollster::block_on(loader.finish()).unwrap();
    pollster::block_on(async {
        model.prefill_for_decode(&[1]).await.unwrap();
        model.start(&Sampling::greedy(), &[]).unwrap();
        for i in 0..12 {
            match model.next_with(&right(&whole, i)).await {
                Ok(id) => assert!(i <= at && id == whole[i], "{id} at {i}"),
                Err(error) => {
                    assert_eq!(error, GpuError::NotANumber);
                    return;
                }
            }
        }
        panic!("no error");
    });
}
