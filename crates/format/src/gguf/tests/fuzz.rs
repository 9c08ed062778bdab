//! Real files with random damage, for a bounded number of cases.

use super::*;
use proptest::prelude::*;

/// One change to a file.
#[derive(Clone, Debug)]
enum Mutation {
    Flip { at: usize, bit: u8 },
    Byte { at: usize, value: u8 },
    Field { at: usize, value: u64 },
    Truncate { at: usize },
    Remove { at: usize, len: usize },
    Repeat { at: usize, len: usize },
}

impl Mutation {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let len = bytes.len().max(1);
        match *self {
            Mutation::Flip { at, bit } => {
                bytes.iter_mut().skip(at % len).take(1).for_each(|b| *b ^= 1 << bit)
            }
            Mutation::Byte { at, value } => bytes.iter_mut().skip(at % len).take(1).for_each(|b| *b = value),
            Mutation::Field { at, value } => {
                bytes.iter_mut().skip(at % len).zip(value.to_le_bytes()).for_each(|(b, new)| *b = new);
            }
            Mutation::Truncate { at } => bytes.truncate(at % len),
            Mutation::Remove { at, len: count } => {
                let start = at % len;
                bytes.drain(start.min(bytes.len())..(start + count).min(bytes.len()));
            }
            Mutation::Repeat { at, len: count } => {
                let start = (at % len).min(bytes.len());
                let piece = bytes[start..(start + count).min(bytes.len())].to_vec();
                bytes.splice(start..start, piece);
            }
        }
    }
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<usize>();
    let sizes = prop_oneof![
        any::<u64>(),
        0u64..300,
        (0u32..64).prop_map(|bits| 1 << bits),
        (0u32..64).prop_map(|bits| (1 << bits) - 1),
        Just(u64::MAX),
    ];
    prop_oneof![
        (at, 0u8..8).prop_map(|(at, bit)| Mutation::Flip { at, bit }),
        (at, any::<u8>()).prop_map(|(at, value)| Mutation::Byte { at, value }),
        (at, sizes).prop_map(|(at, value)| Mutation::Field { at, value }),
        at.prop_map(|at| Mutation::Truncate { at }),
        (at, 1usize..40).prop_map(|(at, len)| Mutation::Remove { at, len }),
        (at, 1usize..40).prop_map(|(at, len)| Mutation::Repeat { at, len }),
    ]
}

/// Small headers, so that most mutations hit something that matters: a whole file of every type, and the header of
/// a real model with its vocabulary.
fn seeds() -> Vec<Vec<u8>> {
    let model = read("../../tests/fixtures/models/tok105/tok105-q4_0.gguf");
    let end = complete(&model).data_offset as usize;
    vec![types(), model[..end].to_vec()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the bytes, parsing ends without a panic, and what it accepts is consistent with the file.
    #[test]
    fn damaged_files_never_panic(
        seed in 0usize..2,
        mutations in prop::collection::vec(mutation(), 1..4),
        known in any::<bool>(),
    ) {
        let mut bytes = seeds()[seed].clone();
        mutations.iter().for_each(|mutation| mutation.apply(&mut bytes));
        let len = bytes.len() as u64;
        match parse_gguf(&bytes, known.then_some(len)) {
            Err(error) => prop_assert!(error.to_string().len() < 70_000),
            Ok(Parse::Incomplete { need }) => prop_assert!(!known && need > len && need <= MAX_HEADER_BYTES),
            Ok(Parse::Complete(header)) => {
                prop_assert!(header.metadata.len() as u64 * 13 + header.tensors.len() as u64 * 24 <= len);
                for tensor in &header.tensors {
                    prop_assert!(!known || tensor.offset + tensor.bytes <= len);
                    prop_assert_eq!(tensor.ty.byte_len(tensor.elements()), Some(tensor.bytes));
                }
            }
        }
    }

    /// As above, from nothing but noise behind the magic.
    #[test]
    fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..400), tensors in 0u64..4, entries in 0u64..4) {
        let bytes = Bytes::header(tensors, entries).raw(&noise).0;
        let _ = parse_gguf(&bytes, None);
        let _ = parse_gguf(&bytes, Some(bytes.len() as u64));
    }
}
