//! Grammars against llama.cpp's, and JSON Schemas against `jsonschema`; `fixtures/grammar/make.py` says how.

mod common;

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};
use sotto_text::Tokenizer;
use sotto_text::grammar::{Grammar, GrammarError, Matcher, TokenIndex};

fn fixture(name: &str) -> Value {
    serde_json::from_slice(&common::fixture(&format!("grammar/{name}.json"))).unwrap()
}

fn fnv(ids: &[u32]) -> String {
    let hash = ids
        .iter()
        .flat_map(|id| id.to_le_bytes())
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3));
    format!("{hash:016x}")
}

fn ids(mask: &[u32]) -> Vec<u32> {
    (0..mask.len() as u32 * 32).filter(|&id| mask[id as usize / 32] >> (id % 32) & 1 == 1).collect()
}

fn index(tokenizer: &Tokenizer) -> Arc<TokenIndex> {
    Arc::new(TokenIndex::new(tokenizer, tokenizer.vocab_size()))
}

/// Whether all of `text` is what the grammar says.
fn takes(grammar: &Grammar, tokens: &Arc<TokenIndex>, text: &str) -> bool {
    let mut matcher = Matcher::new(grammar, tokens).unwrap();
    matcher.accept_bytes(text.as_bytes()).unwrap() && matcher.may_end()
}

#[test]
fn tokens_allowed_are_those_of_llama_cpp() {
    let fixture = fixture("masks");
    let grammars: HashMap<&str, Grammar> = fixture["grammars"]
        .as_array()
        .unwrap()
        .iter()
        .map(|g| (g["name"].as_str().unwrap(), Grammar::from_gbnf(g["text"].as_str().unwrap()).unwrap()))
        .collect();
    let vocabs = ["llama-spm", "gpt-2"].map(|name| (name, common::llamacpp(name)));
    let mut compared = 0;
    for (name, tokenizer) in &vocabs {
        let tokens = index(tokenizer);
        let never = |&byte: &u8| [0, 0xC0, 0xC1].contains(&byte) || byte >= 0xF5;
        let counted =
            |id: &u32| !tokenizer.is_eog(*id) && !tokenizer.token_bytes(*id).unwrap().iter().any(never);
        let walks = fixture["walks"].as_array().unwrap().iter().filter(|walk| walk["vocab"] == *name);
        for walk in walks {
            let what = format!("{} over {name}", walk["grammar"]);
            let mut matcher = Matcher::new(&grammars[walk["grammar"].as_str().unwrap()], &tokens).unwrap();
            let mut text = Vec::new();
            for step in walk["steps"].as_array().unwrap() {
                let mask = matcher.allowed(true).unwrap_or_else(|e| panic!("{what}: {e}")).to_vec();
                let allowed: Vec<u32> = ids(&mask).into_iter().filter(counted).collect();
                let shown = String::from_utf8_lossy(&text).into_owned();
                assert_eq!(step[0], allowed.len(), "{what} after {shown:?}");
                assert_eq!(step[1], fnv(&allowed), "{what} after {shown:?}");
                // llama.cpp lets a text end inside of a character.
                if std::str::from_utf8(&text).is_ok() {
                    assert_eq!(step[2], matcher.may_end(), "{what} after {shown:?}");
                }
                assert!(!ids(&mask).iter().any(|&id| tokenizer.is_special(id) && !tokenizer.is_eog(id)));
                assert_eq!(ids(&mask).iter().any(|&id| tokenizer.is_eog(id)), matcher.may_end());
                if let Some(id) = step[3].as_u64() {
                    assert!(matcher.accept(tokenizer, id as u32).unwrap());
                    text.extend(tokenizer.token_bytes(id as u32).unwrap());
                }
                compared += 1;
            }
        }
    }
    assert!(compared > 600, "{compared}");
}

#[test]
fn json_that_is_taken_is_valid_and_what_llama_cpp_takes_is_taken() {
    let tokens = index(&common::llamacpp("gpt-2"));
    let (mut taken, mut refused) = (0, 0);
    for case in fixture("schemas").as_array().unwrap() {
        let grammar = Grammar::from_json_schema(&case["schema"]).unwrap();
        for told in case["texts"].as_array().unwrap() {
            let (text, valid, by_llama_cpp) = (told[0].as_str().unwrap(), told[1] == true, told[2] == true);
            let found = takes(&grammar, &tokens, text);
            assert!(valid || !found, "{}: {text} is not valid, but taken", case["name"]);
            assert!(found || !valid || !by_llama_cpp, "{}: {text} is valid, but not taken", case["name"]);
            if found { taken += 1 } else { refused += 1 }
        }
    }
    assert!(taken > 500 && refused > 500, "{taken} taken, {refused} refused");
}

#[test]
fn what_a_schema_says_that_is_not_supported_is_named_by_its_path() {
    let path = |schema: Value| match Grammar::from_json_schema(&schema).unwrap_err() {
        GrammarError::Schema { path, .. } => path,
        other => panic!("{other}"),
    };
    assert_eq!(path(json!({"properties": {"a/b": {"not": {}}}})), "#/properties/a~1b/not");
    assert_eq!(path(json!({"items": {"type": "number", "multipleOf": 2}})), "#/items/multipleOf");
    assert_eq!(path(json!({"anyOf": [{}, {"type": "string", "pattern": "(?=a)b"}]})), "#/anyOf/1/pattern");
    assert_eq!(path(json!({"type": "array", "uniqueItems": true})), "#/uniqueItems");
    assert_eq!(path(json!({"$ref": "#/$defs/none"})), "#/$ref");
    assert_eq!(path(json!({"$ref": "https://example.org"})), "#/$ref");
    assert_eq!(path(json!({"type": "thing"})), "#");
    assert_eq!(path(json!(7)), "#");
    assert_eq!(path(json!({"properties": {"a": 1}})), "#/properties/a");
    assert_eq!(path(json!({"$ref": "#"})), "#");
    assert!(path(json!({"allOf": [{"$ref": "#"}]})).starts_with("#/allOf/0/allOf/0"));
}

#[test]
fn patterns_are_regular_expressions() {
    let tokens = index(&common::llamacpp("gpt-2"));
    let cases = [
        ("^a.c$", &["abc", "a\"c", "aéc", "a\\c"][..], &["ac", "abcc", "a\nc"][..]),
        ("b+", &["b", "abba", "xb\""], &["", "aca"]),
        ("^(?:ab|c){2,3}?$", &["abc", "cab", "ababab"], &["ab", "abababab"]),
        (r"^\d{3}-\w+\s\S$", &["123-a_b !"], &["12-a b", "123-ab  "]),
        (r"^[^a-c\d]$", &["d", "\"", "é"], &["a", "5", ""]),
        (r#"^["\\\]x-]+$"#, &["\"\\]x-"], &["y"]),
        (r"^\u0041\x42\.$", &["AB."], &["ABx"]),
        ("^$", &[""], &["a"]),
        ("^a", &["a", "abc"], &["ba"]),
    ];
    for (pattern, right, wrong) in cases {
        let grammar = Grammar::from_json_schema(&json!({"type": "string", "pattern": pattern})).unwrap();
        for text in right {
            assert!(takes(&grammar, &tokens, &json!(text).to_string()), "{pattern} {text:?}");
        }
        for text in wrong {
            assert!(!takes(&grammar, &tokens, &json!(text).to_string()), "{pattern} {text:?}");
        }
    }
    for pattern in ["a(", "a)", "*", "a{2", "[a", "(?<n>a)", "a\\", "(^a)", "a$b", "\\p{L}", "a{3,1}"] {
        assert!(Grammar::from_json_schema(&json!({"pattern": pattern})).is_err(), "{pattern}");
    }
}

/// Grammars made to cost much; whatever comes of them, it comes soon.
#[test]
fn hostile_grammars_are_bounded() {
    let tokenizer = common::llamacpp("gpt-2");
    let tokens = index(&tokenizer);
    let chain: String =
        (0..3000).map(|i| format!("r{i} ::= r{} \"x\" | r{} \"y\" | \"\"\n", i + 1, i + 1)).collect();
    let doubling: String = (0..30).map(|i| format!("d{i} ::= d{} d{}\n", i + 1, i + 1)).collect();
    let grammars = [
        // 2^n ways to read n letters.
        "root ::= \"a\" root \"b\" | \"a\" root \"c\" | \"a\" root | \"\"".to_owned(),
        "root ::= s\ns ::= (\"a\" s s | \"a\")".to_owned(),
        "root ::= ((([a-z]* )* [a-z]*)* [a-z]*)* \"!\"".to_owned(),
        "root ::= (([a-z]{0,900}){0,900}){0,900}".to_owned(),
        "root ::= ([a-z]? [a-z]? [a-z]? [a-z]?){0,500} [0-9]".to_owned(),
        format!("root ::= r0\n{chain}r3000 ::= \"z\""),
        format!("root ::= d0 d0\n{doubling}d30 ::= \"z\""),
        format!("root ::= \"a\"{}", "?".repeat(5000)),
        format!("root ::= \"a\"{}", "{2}".repeat(5000)),
        "root ::= \"a\" \"\"{400000000}".to_owned(),
        format!("x ::= {}\"\"\nroot ::= {}\"a\"", "|".repeat(20_000), "x{256} ".repeat(8)),
        format!("x ::= \"\" {}\nroot ::= {}\"a\"", "| [a-z] \"b\" ".repeat(4000), "x{256} ".repeat(8)),
    ];
    for text in grammars {
        let grammar = Grammar::from_gbnf(&text).unwrap();
        assert!(grammar.size() <= 1 << 18, "{text:.60}: {}", grammar.size());
        let mut matcher = match Matcher::new(&grammar, &tokens) {
            Err(GrammarError::TooComplex) => continue,
            matcher => matcher.unwrap(),
        };
        for letter in ["a", "a", "aaaaaaaa", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"].iter().cycle().take(60) {
            let step = matcher.allowed(true).map(|_| ());
            let step = step.and_then(|()| matcher.accept_bytes(letter.as_bytes()));
            let (work, words) = matcher.cost();
            assert!(work <= 17 << 20 && words <= 5 << 20, "{text:.60}: {work} places, {words} words");
            match step {
                Ok(true) => {}
                Ok(false) | Err(GrammarError::TooComplex) => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// What a schema makes impossible is not begun.
#[test]
fn no_token_leads_to_where_nothing_can_end() {
    let tokenizer = common::llamacpp("gpt-2");
    let tokens = index(&tokenizer);
    let impossible = json!({"n": {"const": 1}, "t": false});
    let choice = |name: &str, schema: Value| json!({"type": "object", "properties": {name: schema}, "required": [name]});
    let cases = [
        (json!({"properties": impossible, "required": ["n"]}), "{\"n\":1", ",", "}"),
        (
            json!({"anyOf": [choice("a", json!(false)), choice("b", json!({"const": 1}))]}),
            "{",
            "\"a",
            "\"b\":1}",
        ),
        (
            json!({"anyOf": [{"const": "ab"}, {"type": "array", "items": false, "minItems": 1}]}),
            "",
            "[",
            "\"ab\"",
        ),
    ];
    for (schema, begun, never, then) in cases {
        let grammar = Grammar::from_json_schema(&schema).unwrap();
        let mut matcher = Matcher::new(&grammar, &tokens).unwrap();
        assert!(matcher.accept_bytes(begun.as_bytes()).unwrap());
        for id in ids(matcher.allowed(true).unwrap()) {
            let bytes = tokenizer.token_bytes(id).unwrap();
            assert!(!bytes.trim_ascii().starts_with(never.as_bytes()), "{schema}: {bytes:?}");
        }
        assert!(!matcher.accept_bytes(never.as_bytes()).unwrap());
        assert!(matcher.accept_bytes(then.as_bytes()).unwrap() && matcher.may_end());
    }
    for schema in [json!(false), choice("a", json!(false)), json!({"enum": []})] {
        assert_eq!(Grammar::from_json_schema(&schema).unwrap_err(), GrammarError::NoText, "{schema}");
    }
}

#[test]
fn memory_is_made_room_for_and_nothing_changes() {
    let tokenizer = common::llamacpp("gpt-2");
    let tokens = index(&tokenizer);
    let grammar =
        Grammar::from_json_schema(&json!({"type": "array", "items": {"type": "string", "maxLength": 4000}}))
            .unwrap();
    // Each place of a long string is another one, with a mask of its own.
    let mut matcher = Matcher::new(&grammar, &tokens).unwrap();
    assert!(matcher.accept_bytes(b"[ \"").unwrap());
    for i in 0..4000 {
        if i % 8 == 0 {
            let allowed = ids(matcher.allowed(true).unwrap()).len();
            assert!(allowed > 40_000 || i > 3800, "{i}: {allowed}");
        }
        assert!(matcher.accept_bytes("é".as_bytes()).unwrap());
    }
    assert!(!matcher.accept_bytes(b"x").unwrap());
    assert!(matcher.accept_bytes(b"\"]").unwrap() && matcher.must_end());
    matcher.reset();
    assert!(matcher.accept_bytes(b"[]").unwrap() && matcher.must_end());
}

fn schema(depth: u32) -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(json!({"type": "boolean"})),
        Just(json!({"type": "null"})),
        Just(json!({"type": "number"})),
        Just(json!({"type": ["string", "null"]})),
        (-1200i64..1200, 0i64..1500)
            .prop_map(|(low, n)| json!({"type": "integer", "minimum": low, "maximum": low + n})),
        (0u32..4, 0u32..4)
            .prop_map(|(low, n)| json!({"type": "string", "minLength": low, "maxLength": low + n})),
        proptest::collection::vec("[a-c\"é]{0,3}", 1..4).prop_map(|values| json!({"enum": values})),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let object = (
        proptest::collection::vec(("[ab\"\\\\é]{0,3}", schema(depth - 1), any::<bool>()), 0..4),
        proptest::option::of(schema(depth - 1)),
    );
    let object = object.prop_map(|(properties, others)| {
        let required: Vec<&str> = properties.iter().filter(|p| p.2).map(|p| p.0.as_str()).collect();
        let names: serde_json::Map<String, Value> = properties.iter().map(|p| (p.0.clone(), p.1.clone())).collect();
        json!({"type": "object", "properties": names, "required": required, "additionalProperties": others.unwrap_or(false.into())})
    });
    let array = (schema(depth - 1), 0u32..3, 0u32..3).prop_map(
        |(items, low, n)| json!({"type": "array", "items": items, "minItems": low, "maxItems": low + n}),
    );
    let any_of =
        proptest::collection::vec(schema(depth - 1), 1..3).prop_map(|choices| json!({"anyOf": choices}));
    prop_oneof![leaf, object, array, any_of].boxed()
}

/// Whether the schemas that `schema` makes are true of a value.
fn is_true_of(schema: &Value, value: &Value) -> bool {
    if let Some(choices) = schema["anyOf"].as_array() {
        return choices.iter().any(|choice| is_true_of(choice, value));
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.contains(value);
    }
    let within = |n: usize, least: &str, most: &str| {
        schema[least].as_u64().is_none_or(|least| n as u64 >= least)
            && schema[most].as_u64().is_none_or(|most| n as u64 <= most)
    };
    let is = |ty: &str| {
        schema["type"] == ty || schema["type"].as_array().is_some_and(|types| types.contains(&json!(ty)))
    };
    match value {
        Value::Null => is("null"),
        Value::Bool(_) => is("boolean"),
        Value::Number(n) if is("integer") => n.as_i64().is_some_and(|n| {
            (schema["minimum"].as_i64().unwrap()..=schema["maximum"].as_i64().unwrap()).contains(&n)
        }),
        Value::Number(_) => is("number"),
        Value::String(text) => is("string") && within(text.chars().count(), "minLength", "maxLength"),
        Value::Array(items) => {
            is("array")
                && within(items.len(), "minItems", "maxItems")
                && items.iter().all(|item| is_true_of(&schema["items"], item))
        }
        Value::Object(members) => {
            is("object")
                && schema["required"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|name| members.contains_key(name.as_str().unwrap()))
                && members.iter().all(|(name, member)| match schema["properties"].get(name) {
                    Some(schema) => is_true_of(schema, member),
                    None => {
                        schema["additionalProperties"] != false
                            && is_true_of(&schema["additionalProperties"], member)
                    }
                })
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever tokens are taken of those that are allowed, the text goes on until it ends, and is then what the schema says.
    #[test]
    fn what_is_written_under_a_schema_is_true_of_it(schema in schema(2), seed in any::<u64>()) {
        thread_local!(static GPT2: (Tokenizer, Arc<TokenIndex>) = {
            let tokenizer = common::llamacpp("gpt-2");
            let tokens = index(&tokenizer);
            (tokenizer, tokens)
        });
        GPT2.with(|(tokenizer, tokens)| {
            let grammar = Grammar::from_json_schema(&schema).unwrap();
            let mut matcher = Matcher::new(&grammar, tokens).unwrap();
            let (mut text, mut random) = (Vec::new(), seed);
            for step in 0.. {
                let allowed = match matcher.allowed(true) {
                    Ok(mask) => ids(mask),
                    Err(error) => return Err(TestCaseError::fail(format!("{error} after {:?}", String::from_utf8_lossy(&text)))),
                };
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let mut id = allowed[(random >> 33) as usize % allowed.len()];
                if step > 24 || random >> 62 == 0 {
                    // Come to an end.
                    let last = |id: u32| if tokenizer.is_eog(id) { 4 } else {
                        match tokenizer.token_bytes(id).unwrap()[..] { [b'"'] => 3, [b'}' | b']'] => 2, [b'0'..=b'9'] => 1, _ => 0 }
                    };
                    id = *allowed.iter().max_by_key(|&&id| last(id)).unwrap();
                }
                prop_assert!(matcher.accept(tokenizer, id).unwrap());
                if tokenizer.is_eog(id) {
                    break;
                }
                text.extend(tokenizer.token_bytes(id).unwrap());
                if step > 600 {
                    // The beginning of one, without a character that is cut in two.
                    let whole = text.utf8_chunks().next().map_or("", |chunk| chunk.valid());
                    prop_assert!(text.len() - whole.len() < 4);
                    let begun = serde_json::from_str::<Value>(whole);
                    prop_assert!(begun.as_ref().err().is_none_or(serde_json::Error::is_eof), "{begun:?}: {whole}");
                    return Ok(());
                }
            }
            let text = String::from_utf8(text).unwrap();
            let value: Value = serde_json::from_str(&text).unwrap();
            prop_assert!(is_true_of(&schema, &value), "{text}");
            Ok(())
        })?;
    }
}
