//! Decoding a stream of ids gives, part by part, the text of all of them.

mod common;

use common::{llamacpp, model, vocab_of};
use proptest::prelude::*;
use proptest::sample::Index;
use sotto_text::{StreamDecoder, Tokenizer};

fn parts(tokenizer: &Tokenizer, ids: &[u32], skip_special: bool) -> Vec<String> {
    let mut decoder = StreamDecoder::new(skip_special);
    let mut parts: Vec<String> = ids.iter().map(|&id| decoder.push(tokenizer, id)).collect();
    parts.push(decoder.finish());
    parts
}

#[test]
fn a_character_comes_whole_or_not_at_all() {
    let tokenizer = llamacpp("llama-spm");
    let byte = |byte: u8| u32::from(byte) + 3;
    let llama: Vec<u32> = "🦙".bytes().map(byte).collect();
    assert_eq!(parts(&tokenizer, &llama, true), ["", "", "", "🦙", ""]);
    assert_eq!(parts(&tokenizer, &llama[..3], true), ["", "", "", "\u{fffd}"]);
    // A byte that can not go on is replaced as soon as that is known.
    assert_eq!(parts(&tokenizer, &[llama[0], byte(b'a')], true), ["", "\u{fffd}a", ""]);
    assert_eq!(parts(&tokenizer, &[byte(0x80), byte(0xff)], true), ["\u{fffd}", "\u{fffd}", ""]);
}

#[test]
fn only_the_first_text_of_a_sentencepiece_stream_loses_its_space() {
    let tokenizer = llamacpp("llama-spm");
    let ids = tokenizer.encode("one two", true, false).unwrap();
    assert_eq!(parts(&tokenizer, &ids, true).concat(), "one two");
    assert_eq!(parts(&tokenizer, &ids, true)[..2], ["", "one"]);
    let (shown, rest) = ids.split_at(2);
    let mut decoder = StreamDecoder::after(&tokenizer, shown, true);
    assert_eq!(decoder.push(&tokenizer, rest[0]), " two");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_parts_are_the_whole(ids in proptest::collection::vec(any::<Index>(), 0..60), skip_special: bool) {
        use std::sync::LazyLock;
        static TOKENIZERS: LazyLock<Vec<Tokenizer>> = LazyLock::new(|| {
            let stories = Tokenizer::from_gguf(&vocab_of(&model("stories260K/stories260K-f16.gguf"))).unwrap();
            let mut all: Vec<Tokenizer> = ["llama-spm", "gpt-2", "bert-bge"].into_iter().map(llamacpp).collect();
            all.push(stories);
            all
        });
        for tokenizer in TOKENIZERS.iter() {
            // Half of the ids from the start of the vocabulary, where bytes and specials are.
            let pick = |(n, index): (usize, &Index)| index.index(if n % 2 == 0 { 260 } else { tokenizer.vocab_size() }) as u32;
            let ids: Vec<u32> = ids.iter().enumerate().map(pick).collect();
            prop_assert_eq!(parts(tokenizer, &ids, skip_special).concat(), tokenizer.decode(&ids, skip_special));
        }
    }
}
