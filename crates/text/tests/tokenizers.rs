//! Token ids against implementations that are not ours: llama.cpp's vectors, and what `tokenizers`, SentencePiece
//! and the models' own reference code gave (fixtures/reference.py).

mod common;

use common::{fixture, fixture_text, ids, llamacpp, llamacpp_vocab, model, reference, texts, vocab_of};
use proptest::prelude::*;
use sotto_format::{Array, Metadata, Value};
use sotto_text::tokenizer::TokenizerConfig;
use sotto_text::{GgufVocab, Tokenizer, TokenizerError};

fn tokenizer_of(gguf: &[u8]) -> Tokenizer {
    Tokenizer::from_gguf(&vocab_of(gguf)).unwrap()
}

fn llamacpp_vectors(name: &str) {
    const AFTER_A_CASE: &str = "\n__ggml_vocab_test__\n";
    let cases = fixture_text("llamacpp/cases.inp");
    let cases: Vec<&str> = cases.trim_end_matches(AFTER_A_CASE).split(AFTER_A_CASE).collect();
    let expected = fixture_text(&format!("llamacpp/ggml-vocab-{name}.gguf.out"));
    let expected: Vec<Vec<u32>> = expected
        .lines()
        .map(|line| line.split_whitespace().map(|id| id.parse().unwrap()).collect())
        .collect();
    assert_eq!((cases.len(), expected.len()), (46, 46));
    check(name, &llamacpp(name), &cases, &expected);
    // Where a vocabulary grew by its merges, it says them even without their list.
    if matches!(name, "gpt-2" | "qwen2") {
        let vocab = GgufVocab { merges: Vec::new(), in_order: true, ..llamacpp_vocab(name) };
        check(name, &Tokenizer::from_gguf(&vocab).unwrap(), &cases, &expected);
    }
}

fn check(name: &str, tokenizer: &Tokenizer, cases: &[&str], expected: &[Vec<u32>]) {
    for (case, expected) in cases.iter().zip(expected) {
        assert_eq!(&tokenizer.encode(case, false, false).unwrap(), expected, "{name}: {case:?}");
        if name != "bert-bge" {
            assert_eq!(tokenizer.decode(expected, true), *case, "{name}");
        }
    }
}

#[test]
fn tokens_may_stand_a_line_each() {
    let tokens = ["a", "\u{120}b", "ab"].map(str::to_owned);
    let metadata = |key, tokens| {
        let mut metadata = Metadata::default();
        metadata.insert("tokenizer.ggml.model", Value::String("gpt2".into()));
        metadata.insert(key, tokens);
        GgufVocab::from_metadata(&metadata)
    };
    let listed = metadata("tokenizer.ggml.tokens", Value::Array(Array::String(tokens.to_vec()))).unwrap();
    assert_eq!(listed.tokens, tokens);
    let lines = metadata("sotto.tokenizer.tokens", Value::String(tokens.join("\n"))).unwrap();
    assert_eq!(lines, GgufVocab { in_order: true, ..listed });
    let error = metadata("sotto.tokenizer.tokens", Value::String("\n".repeat(1 << 22))).unwrap_err();
    assert!(error.to_string().contains("4194305"), "{error}");
    assert!(metadata("sotto.tokenizer.tokens", Value::U32(3)).is_err());
    let error = metadata("general.name", Value::String("none".into())).unwrap_err();
    assert!(error.to_string().contains("tokenizer.ggml.tokens"), "{error}");
}

#[test]
fn llama_spm_gives_llamacpps_ids() {
    llamacpp_vectors("llama-spm");
}

#[test]
fn phi_3_gives_llamacpps_ids() {
    llamacpp_vectors("phi-3");
}

#[test]
fn gpt_2_gives_llamacpps_ids() {
    llamacpp_vectors("gpt-2");
}

#[test]
fn bert_bge_gives_llamacpps_ids() {
    llamacpp_vectors("bert-bge");
}

#[test]
fn qwen2_gives_llamacpps_ids() {
    llamacpp_vectors("qwen2");
}

#[test]
fn rebuilt_vocabularies_give_the_ids_of_hugging_faces_tokenizers() {
    let reference = reference();
    for name in ["gpt-2", "qwen2", "bert-bge"] {
        let tokenizer = llamacpp(name);
        for (text, expected) in texts(&reference).into_iter().zip(reference[name].as_array().unwrap()) {
            assert_eq!(tokenizer.encode(text, false, false).unwrap(), ids(expected), "{name}: {text:?}");
        }
    }
}

#[test]
fn decoding_undoes_encoding() {
    let reference = reference();
    for name in ["gpt-2", "qwen2", "llama-spm", "phi-3"] {
        let tokenizer = llamacpp(name);
        for text in texts(&reference) {
            let ids = tokenizer.encode(text, true, false).unwrap();
            // SentencePiece writes spaces as ▁, and so can not tell the two apart.
            let text = if name.starts_with('g') || name.starts_with('q') {
                text.to_owned()
            } else {
                text.replace('▁', " ")
            };
            assert_eq!(tokenizer.decode(&ids, true), text, "{name}");
        }
    }
}

#[test]
fn small_models_get_the_ids_they_were_trained_with() {
    for (file, folder) in
        [("stories260K/stories260K-f32.gguf", "stories260K"), ("tok105/tok105-q4_0.gguf", "tok105")]
    {
        let tokenizer = tokenizer_of(&model(file));
        let text = String::from_utf8(model(&format!("{folder}/ref_text.txt"))).unwrap();
        let expected = String::from_utf8(model(&format!("{folder}/ref_tokens.txt"))).unwrap();
        let expected: Vec<u32> = expected.split_whitespace().map(|id| id.parse().unwrap()).collect();
        // The reference goes as far as the model's context.
        let ids = tokenizer.encode(&text, true, false).unwrap();
        assert_eq!(ids[..expected.len()], expected, "{folder}");
        // tok105 has no token for a line end.
        let text = if folder == "tok105" { text.replace('\n', "") } else { text };
        assert_eq!(tokenizer.decode(&ids, true), text, "{folder}");
        assert!(
            tokenizer.add_bos() && !tokenizer.add_eos() && tokenizer.bos() == Some(1) && tokenizer.is_eog(2)
        );
    }
}

#[test]
fn a_character_without_a_token_is_unknown_as_in_sentencepiece() {
    let tokenizer = tokenizer_of(&model("tok105/tok105-q4_0.gguf"));
    for case in reference()["tok105"].as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        assert_eq!(tokenizer.encode(text, false, false).unwrap(), ids(&case["ids"]), "{text:?}");
    }
}

#[test]
fn tokenizer_json_gives_what_hugging_face_gives() {
    let reference = reference();
    for kind in ["byte_level", "sentence_piece", "word_piece", "unigram"] {
        let tokenizer = Tokenizer::from_json(&fixture(&format!("json/{kind}.json")), None).unwrap();
        for case in reference[kind].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            let expected = ids(&case["ids"]);
            assert_eq!(tokenizer.encode(text, false, true).unwrap(), expected, "{kind}: {text:?}");
            assert_eq!(
                tokenizer.encode(text, true, true).unwrap(),
                ids(&case["with_special"]),
                "{kind}: {text:?}"
            );
            assert_eq!(
                tokenizer.encode(text, false, false).unwrap(),
                ids(&case["plain"]),
                "{kind}: {text:?}"
            );
            assert_eq!(
                tokenizer.decode(&expected, true),
                case["decoded"].as_str().unwrap(),
                "{kind}: {text:?}"
            );
        }
    }
}

/// The code points that bytes `span` lie in: Hugging Face gives a token inside a character all of it.
fn in_code_points(text: &str, span: &std::ops::Range<usize>) -> [u64; 2] {
    let mut end = span.end;
    while !text.is_char_boundary(end) {
        end += 1;
    }
    let begun = |byte: usize| (0..byte).filter(|&at| text.is_char_boundary(at)).count() as u64;
    let inside = |byte: usize| u64::from(!text.is_char_boundary(byte));
    [begun(span.start) - inside(span.start), begun(end)]
}

#[test]
fn spans_are_those_of_hugging_faces_tokenizers() {
    let spans: serde_json::Value = serde_json::from_slice(&fixture("spans.json")).unwrap();
    let reference = reference();
    for (name, expected) in spans.as_object().unwrap() {
        let json = name.ends_with(".json");
        let tokenizer = if json {
            Tokenizer::from_json(&fixture(&format!("json/{name}")), None).unwrap()
        } else {
            llamacpp(name)
        };
        for (text, expected) in texts(&reference).into_iter().zip(expected.as_array().unwrap()) {
            let encoding = tokenizer.encode_with_spans(text, false, json).unwrap();
            assert_eq!(encoding.ids, tokenizer.encode(text, false, json).unwrap(), "{name}: {text:?}");
            let found: Vec<_> = encoding.spans.iter().map(|span| in_code_points(text, span)).collect();
            assert_eq!(serde_json::json!(found), *expected, "{name}: {text:?}");
        }
    }
}

#[test]
fn spans_hold_the_bytes_of_their_tokens() {
    let reference = reference();
    for name in ["llama-spm", "phi-3", "gpt-2", "qwen2"] {
        let tokenizer = llamacpp(name);
        for text in texts(&reference) {
            let encoding = tokenizer.encode_with_spans(text, true, false).unwrap();
            let mut end = 0;
            for (&id, span) in encoding.ids.iter().zip(&encoding.spans) {
                let bytes = tokenizer.token_bytes(id).unwrap();
                if tokenizer.is_special(id) {
                    assert!(span.is_empty());
                    continue;
                }
                let found = &text.as_bytes()[span.clone()];
                // SentencePiece puts a space in front of a text, reads ▁ as a space, and writes bytes of a character.
                let written = String::from_utf8_lossy(found).replace('▁', " ");
                let same = found == bytes
                    || written.as_bytes() == bytes
                    || (span.start == 0 && [b" ", written.as_bytes()].concat() == bytes)
                    || (bytes.len() == 1 && found.len() > 1 && found.contains(&bytes[0]));
                assert!(same, "{name}: {text:?} {span:?} {bytes:?}");
                assert!(
                    span.start == end || (span.start < end && span.end == end),
                    "{name}: {text:?} {span:?}"
                );
                end = span.end;
            }
            assert_eq!(end, text.len(), "{name}: {text:?}");
        }
    }
}

#[test]
fn tokenizer_json_names_its_special_tokens() {
    let bytes = fixture("json/sentence_piece.json");
    let tokenizer = Tokenizer::from_json(&bytes, None).unwrap();
    assert_eq!((tokenizer.bos(), tokenizer.add_bos(), tokenizer.add_eos()), (Some(1), true, false));
    assert!(tokenizer.is_eog(tokenizer.special_id("<|im_end|>").unwrap()));
    let config = TokenizerConfig::parse(
        br#"{"bos_token": {"content": "<s>"}, "eos_token": "</s>", "unk_token": null, "chat_template": "{{ messages }}"}"#,
    )
    .unwrap();
    assert_eq!(config.chat_templates, [("default".to_owned(), "{{ messages }}".to_owned())]);
    let tokenizer = Tokenizer::from_json(&bytes, Some(&config)).unwrap();
    assert_eq!((tokenizer.bos(), tokenizer.eos(), tokenizer.unk()), (Some(1), Some(2), None));
    assert!(matches!(Tokenizer::from_json(b"{}", None), Err(TokenizerError::Json(_))));
    assert!(matches!(Tokenizer::from_json(b"\xff", None), Err(TokenizerError::Json(_))));
}

#[test]
fn special_tokens_are_parsed_only_when_asked() {
    let tokenizer = llamacpp("qwen2");
    let (start, end) =
        (tokenizer.special_id("<|im_start|>").unwrap(), tokenizer.special_id("<|im_end|>").unwrap());
    let text = "<|im_start|>user\nhi<|im_end|>";
    let parsed = tokenizer.encode(text, true, true).unwrap();
    assert_eq!((parsed.first(), parsed.last()), (Some(&start), Some(&end)));
    let plain = tokenizer.encode(text, true, false).unwrap();
    assert!(!plain.contains(&start) && !plain.contains(&end));
    assert_eq!(tokenizer.decode(&parsed, false), text);
    assert_eq!(tokenizer.decode(&parsed, true), "user\nhi");
    assert_eq!(tokenizer.decode(&plain, true), text);
    assert_eq!(tokenizer.eog(), [start - 1, end]);
}

#[test]
fn text_that_looks_like_a_control_token_stays_text() {
    for name in ["llama-spm", "phi-3"] {
        let tokenizer = llamacpp(name);
        for text in ["<s>", "</s>", "<unk>", "<0x0A>", "<|end|>"] {
            let ids = tokenizer.encode(text, false, false).unwrap();
            assert!(ids.iter().all(|&id| !tokenizer.is_special(id)), "{name}: {text}");
            assert_eq!(tokenizer.decode(&ids, true), text, "{name}");
        }
    }
}

#[test]
fn phi_3_swallows_the_white_space_after_its_control_tokens() {
    let tokenizer = llamacpp("phi-3");
    let id = |name| tokenizer.special_id(name).unwrap();
    let hi = tokenizer.encode("hi", false, false).unwrap();
    let expected = [&[1, id("<|user|>")], hi.as_slice(), &[id("<|end|>"), id("<|assistant|>")]].concat();
    assert_eq!(tokenizer.encode("<|user|>\nhi<|end|>\n<|assistant|>\n", true, true).unwrap(), expected);
    assert!(tokenizer.is_eog(id("<|end|>")) && tokenizer.is_eog(id("<|endoftext|>")));
}

#[test]
fn bert_puts_its_tokens_around_a_text() {
    let tokenizer = llamacpp("bert-bge");
    let ids = tokenizer.encode("Hello, Wörld!", true, false).unwrap();
    assert_eq!(ids, [101, 7592, 1010, 2088, 999, 102]);
    assert_eq!(tokenizer.decode(&ids, true), "hello , world !");
    let (long, unknown) = ("a".repeat(101), tokenizer.unk().unwrap());
    assert_eq!(tokenizer.encode(&long, false, false).unwrap(), [unknown]);
}

#[test]
fn all_token_bytes_put_together_are_the_text() {
    for name in ["llama-spm", "gpt-2", "qwen2"] {
        let tokenizer = llamacpp(name);
        let text = " Größe 🦙\n\t你好";
        let ids = tokenizer.encode(text, false, false).unwrap();
        let bytes: Vec<u8> = ids.iter().flat_map(|&id| tokenizer.token_bytes(id).unwrap()).collect();
        let expected = if name == "llama-spm" { format!(" {text}") } else { text.to_owned() };
        assert_eq!(bytes, expected.as_bytes(), "{name}");
        assert_eq!(tokenizer.token_bytes(tokenizer.vocab_size() as u32), None);
        assert_eq!(tokenizer.decode(&[u32::MAX], false), "");
    }
}

proptest! {
    /// No vocabulary, however strange, makes building, encoding or decoding panic.
    #[test]
    fn strange_vocabularies_do_no_harm(
        model in prop::sample::select(vec!["llama", "gpt2", "bert"]),
        pre in prop::sample::select(vec!["default", "llama-bpe", "qwen2", "deepseek-v3"]),
        entries in prop::collection::vec(("[ab▁Ġ<>0x41F\\[\\]é ]{0,6}", -1..9i32, any::<f32>()), 1..30),
        merges in prop::collection::vec("[abĠ]{1,2} [abĠ]{1,2}", 0..10),
        ids in prop::collection::vec(prop::option::of(0..30u32), 4),
        flags in prop::collection::vec(prop::option::of(any::<bool>()), 3),
        text in "[ab▁Ġ<>0x41F\\[\\]é \\PC]{0,40}",
        specials: (bool, bool),
    ) {
        let tokens: Vec<String> = entries.iter().map(|(token, _, _)| token.clone()).collect();
        let vocab = GgufVocab {
            model: model.into(),
            pre: Some(pre.into()),
            token_types: entries.iter().map(|(_, ty, _)| *ty).collect(),
            scores: entries.iter().map(|(_, _, score)| *score).collect(),
            tokens,
            merges,
            bos: ids[0],
            eos: ids[1],
            unk: ids[2],
            eot: ids[3],
            add_bos: flags[0],
            add_eos: flags[1],
            add_space_prefix: flags[2],
            ..GgufVocab::default()
        };
        if let Ok(tokenizer) = Tokenizer::from_gguf(&vocab)
            && let Ok(ids) = tokenizer.encode(&text, specials.0, specials.1)
        {
            prop_assert!(ids.iter().all(|&id| (id as usize) < tokenizer.vocab_size()));
            tokenizer.decode(&ids, specials.1);
        }
    }
}

#[test]
fn a_broken_vocabulary_is_an_error_that_says_why() {
    let good = || llamacpp_vocab("gpt-2");
    let error = |vocab: &GgufVocab| Tokenizer::from_gguf(vocab).unwrap_err().to_string();
    let says = |vocab: GgufVocab, what: &str| {
        let error = error(&vocab);
        assert!(error.contains(what), "{error}");
    };
    says(GgufVocab { model: "rwkv".into(), ..good() }, "rwkv");
    says(GgufVocab { pre: Some("who-knows".into()), ..good() }, "who-knows");
    says(GgufVocab { tokens: vec![], ..good() }, "empty");
    says(
        GgufVocab { token_types: vec![1], ..good() },
        "tokenizer.ggml.token_type has 1 entries for 50257 tokens",
    );
    says(GgufVocab { scores: vec![0.0; 7], ..good() }, "tokenizer.ggml.scores has 7");
    says(GgufVocab { eos: Some(50257), ..good() }, "eos_token_id is 50257");
    says(GgufVocab { merges: vec!["Ġ t".into(), "xy".into()], ..good() }, "merge 1");
    says(GgufVocab { bos: None, add_bos: Some(true), ..good() }, "BOS");
    says(GgufVocab { eos: None, add_eos: Some(true), ..good() }, "EOS");
    let no_bytes = GgufVocab { model: "llama".into(), tokens: vec!["a".into()], ..GgufVocab::default() };
    let tokenizer = Tokenizer::from_gguf(&GgufVocab { token_types: vec![1], ..no_bytes.clone() }).unwrap();
    // Without unknown_token_id, id 0 is the unknown token, as in Llama's vocabulary.
    assert_eq!(tokenizer.encode("b", false, false).unwrap(), [0]);
    let tokenizer = Tokenizer::from_gguf(&GgufVocab { add_bos: Some(false), ..no_bytes }).unwrap();
    assert!(tokenizer.encode("", true, true).unwrap().is_empty());
}
