//! A token on the processor takes no memory but what is there: the fast engine and the sampler keep theirs.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use common::repository;
use sotto_cpu::fast;
use sotto_engine::text::sampling::{Sampler, TokenCounts};
use sotto_engine::{ModelHeader, Outputs, Sampling};
use sotto_plan::WeightId;

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "an allocator is unsafe by its trait")]
// SAFETY: every call goes to `System` as it came; the counter touches no memory of its.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn load(name: &str, options: fast::Options) -> fast::Model {
    let bytes = std::fs::read(repository().join("tests/fixtures/models").join(name)).unwrap();
    let header = ModelHeader::parse(&[&bytes]).unwrap();
    let mut loader = fast::Loader::new(header.plan().clone(), 512, options).unwrap();
    for (id, weight) in (0..).map(WeightId).zip(&header.plan().weights) {
        let start = (header.file().tensor(&weight.name).unwrap().offset + weight.offset) as usize;
        loader.write(id, 0, &bytes[start..][..weight.bytes() as usize]).unwrap();
    }
    loader.finish().unwrap()
}

#[test]
fn a_token_allocates_nothing() {
    let sampled = Sampling {
        temperature: 0.8,
        top_k: 40,
        top_p: 0.95,
        min_p: 0.01,
        repetition_penalty: 1.1,
        ..Sampling::default()
    };
    for (name, floats) in [
        ("tok105/tok105-q4_0.gguf", false),
        ("tok105/tok105-q8_0.gguf", true),
        ("stories260K/stories260K-f16.gguf", false),
    ] {
        for threads in [1, 2] {
            for sampling in [Sampling::greedy(), sampled] {
                let options = fast::Options { threads, floats: Some(floats), ..fast::Options::default() };
                let mut model = load(name, options);
                let mut logits = Vec::new();
                let mut sampler = Sampler::default();
                // Rotations grow with the text by leaps, none of which falls in these tokens.
                let prompt: Vec<u32> = (0..100).map(|at| 3 + at % 90).collect();
                model.forward(&prompt, Outputs::Last, &mut logits).unwrap();
                let mut counts = TokenCounts::new(logits.len());
                let mut allocations = 0;
                for step in 0..60 {
                    // The first token takes what later ones keep.
                    if step == 1 {
                        allocations = ALLOCATIONS.load(Relaxed);
                    }
                    let id = sampler.sample(&mut logits, counts.as_slice(), &sampling, step).unwrap();
                    counts.generated(id);
                    model.forward(&[id], Outputs::Last, &mut logits).unwrap();
                }
                let allocations = ALLOCATIONS.load(Relaxed) - allocations;
                // Threads take what they keep when their first piece of work comes, which may be late.
                let most = 5 * (threads - 1);
                let what = format!("{name}, {threads} threads, temperature {}", sampling.temperature);
                assert!(allocations <= most, "{what}: {allocations}");
            }
        }
    }
}
