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
    assert_eq!(path(json!({"allOf": [{"$ref": "#"}]})), "#");
    assert!(path(json!({"allOf": [{"$ref": "#"}, {"type": "string"}]})).starts_with("#/allOf/0/allOf/0"));
    // Beside values that are listed, nothing else is looked at.
    assert_eq!(path(json!({"type": "string", "enum": ["hello"], "maxLength": 1})), "#/maxLength");
    assert_eq!(path(json!({"enum": ["hello"], "not": {"const": "hello"}})), "#/not");
    assert_eq!(path(json!({"const": "x", "pattern": "y"})), "#/pattern");
    assert_eq!(path(json!({"anyOf": [{"const": "a"}, {"const": "b"}], "not": {"const": "a"}})), "#/not");
    assert_eq!(path(json!({"nullable": true, "contains": {}})), "#/contains");
    assert_eq!(path(json!({"type": "any"})), "#");
    assert_eq!(path(json!({"type": ["string", 1]})), "#");
    assert_eq!(path(json!({"propertyNames": {"pattern": "a"}})), "#/propertyNames");
    assert_eq!(path(json!({"required": [1]})), "#/required");
    assert_eq!(path(json!({"type": "integer", "minimum": "1"})), "#/minimum");
    // Nothing is as these say.
    for schema in [
        json!(false),
        json!({"const": 1, "enum": [2]}),
        json!({"type": "integer", "const": "x"}),
        json!({"allOf": [{"type": "string"}, false]}),
        json!({"type": "object", "required": ["a"], "additionalProperties": false}),
        json!({"properties": {"a": {"$ref": "#"}}, "required": ["a"]}),
        json!({"type": "integer", "minimum": 1e17, "maximum": 1e18}),
    ] {
        assert_eq!(Grammar::from_json_schema(&schema).unwrap_err(), GrammarError::NoText, "{schema}");
    }
    // A path is shown in part where it is long, and on one line.
    let long = path(json!({"properties": {"a\n\u{85}": {"properties": {"x".repeat(1000): {"not": {}}}}}}));
    assert!(long.starts_with("#/properties/a\\u{a}\\u{85}/properties/xxx") && long.len() < 320, "{long}");
}

#[test]
fn what_a_schema_does_not_let_in_is_not_taken() {
    let tokens = index(&common::llamacpp("gpt-2"));
    let node = json!({"type": "object", "properties": {"next": {"allOf": [{"$ref": "#/$defs/n"}], "description": "x"}}});
    let name = "a".repeat(200);
    let cases = [
        (json!({"const": "b", "enum": ["a", "b"]}), &["\"b\""][..], &["\"a\""][..]),
        (json!({"type": "string", "nullable": true, "enum": ["a", null, 1]}), &["\"a\"", "null"], &["1"]),
        (json!({"allOf": [{"enum": [1, 2]}, {"const": 2}]}), &["2"], &["1"]),
        // What one part says of names and items that only another part has.
        (
            json!({"allOf": [{"properties": {"a": {}}, "additionalProperties": false}, {"properties": {"b": {}}}]}),
            &["{}", r#"{"a":1}"#],
            &[r#"{"b":1}"#, r#"{"a":1,"b":1}"#],
        ),
        (
            json!({"properties": {"b": {"type": "integer"}}, "allOf": [{"additionalProperties": {"enum": [-1, 1, "x"]}}]}),
            &[r#"{"b":1}"#, r#"{"c":"x"}"#],
            &[r#"{"b":"x"}"#, r#"{"b":2}"#, r#"{"c":2}"#],
        ),
        (
            json!({"properties": {"a": {}}, "additionalProperties": false, "anyOf": [{"properties": {"b": {}}}, {"required": ["a"]}]}),
            &[r#"{"a":1}"#],
            &[r#"{"b":1}"#],
        ),
        (
            json!({"allOf": [{"items": {"type": "integer"}}, {"prefixItems": [{"enum": ["x", 1]}]}]}),
            &["[1]"],
            &["[\"x\"]"],
        ),
        (
            json!({"allOf": [{"items": {"type": "integer"}}, {"prefixItems": [{"const": 1}], "items": {"enum": [2, "x"]}}]}),
            &["[1]", "[1,2]"],
            &["[1,\"x\"]", "[1,3]", "[2]"],
        ),
        // Recursion.
        (
            json!({"$ref": "#/$defs/n", "$defs": {"n": node}}),
            &["{}", r#"{"next":{"next":{}}}"#],
            &[r#"{"next":1}"#],
        ),
        (json!({"items": {"$ref": "#", "nullable": true}}), &["[]", "[[],[[]]]"], &["[1]"]),
        (json!({"$ref": "#/$defs/a%20b", "$defs": {"a b": {"const": 1}}}), &["1"], &["2"]),
        // Names: each once, and others than those that are listed.
        (
            json!({"allOf": [{"required": ["a", "b"]}, {"required": ["a"]}], "additionalProperties": {"const": 1}}),
            &[r#"{"a":1,"b":1}"#, r#"{"a":1,"b":1,"c":1}"#],
            &[r#"{"a":1,"b":1,"a":1}"#, r#"{"a":1}"#],
        ),
        (
            json!({"properties": {name.clone(): {"const": 1}}, "additionalProperties": {"const": 2}}),
            &[
                &format!("{{\"{name}\":1}}"),
                &format!("{{\"{name}a\":2,\"a\":2}}"),
                &format!("{{\"{}b\":2}}", &name[1..]),
            ],
            &[&format!("{{\"{name}\":2}}"), r#"{"a":1}"#],
        ),
        (json!({"properties": {"a": false, "b": {"const": 1}}}), &["{}", r#"{"b":1}"#], &[r#"{"a":1}"#]),
        (json!({"type": "array", "items": false}), &["[]"], &["[1]"]),
        // Null.
        (json!({"type": "string", "nullable": true, "maxLength": 3}), &["null", "\"abc\""], &["\"abcd\""]),
        (json!({"allOf": [{"type": "string", "nullable": true}, {"type": "string"}]}), &["\"\""], &["null"]),
        (
            json!({"allOf": [{"type": "string", "nullable": true}, {"nullable": true, "type": "string", "maxLength": 1}]}),
            &["\"\"", "null"],
            &["\"ab\""],
        ),
        // Types of several parts.
        (json!({"allOf": [{"type": ["string", "null"]}, {"type": "string"}]}), &["\"\""], &["null"]),
        (json!({"allOf": [{"type": "number"}, {"type": "integer"}]}), &["1"], &["1.5"]),
        (json!({"allOf": [{"type": "integer"}, {"type": ["number", "string"]}]}), &["1"], &["1.5", "\"\""]),
        // As Zod writes them.
        (
            json!({"type": "integer", "minimum": -9007199254740991_i64, "maximum": 9007199254740991_i64}),
            &["9007199254740991", "-9007199254740991", "0"],
            &["9007199254740992", "-9007199254740992"],
        ),
        (
            json!({"type": "integer", "exclusiveMinimum": 9007199254740992_i64}),
            &["9007199254740993"],
            &["9007199254740992"],
        ),
        (json!({"type": "integer", "minimum": i64::MIN, "maximum": u64::MAX}), &["1", "-1"], &["1.0"]),
        (json!({"type": "string", "format": "uuid", "pattern": "^a$"}), &["\"a\""], &["\"b\""]),
        (
            json!({"type": "object", "propertyNames": {"type": "string"}, "additionalProperties": {"type": "null"}}),
            &[r#"{"a":null}"#],
            &[r#"{"a":1}"#],
        ),
    ];
    for (schema, right, wrong) in cases {
        let grammar = Grammar::from_json_schema(&schema).unwrap_or_else(|error| panic!("{error}: {schema}"));
        for text in right {
            assert!(takes(&grammar, &tokens, text), "{schema} {text}");
        }
        for text in wrong {
            assert!(!takes(&grammar, &tokens, text), "{schema} {text}");
        }
    }
}

/// Schemas made to cost much.
#[test]
fn hostile_schemas_are_bounded() {
    let doubling = |word: &str| {
        let mut defs: serde_json::Map<String, Value> = (0..29)
            .map(|i| {
                let next = json!({"$ref": format!("#/$defs/d{}", i + 1)});
                (format!("d{i}"), json!({"type": "object", word: [next, next]}))
            })
            .collect();
        defs.insert("d29".to_owned(), json!({"type": "object"}));
        json!({"$ref": "#/$defs/d0", "$defs": defs})
    };
    Grammar::from_json_schema(&doubling("anyOf")).unwrap();
    let growing = json!({"properties": {"a": {"$ref": "#", "properties": {"a": {"properties": {"a": {"$ref": "#", "minItems": 1}}}}}}});
    for schema in [
        doubling("allOf"),
        json!({"properties": {"a".repeat(50_000): {}}, "additionalProperties": true}),
        json!({"allOf": (0..100_000).map(|i| json!({"properties": {"a": {"minimum": i}}})).collect::<Value>()}),
    ] {
        let error = Grammar::from_json_schema(&schema).unwrap_err();
        assert!(matches!(error, GrammarError::TooLarge { .. }), "{error}");
    }
    // It may be one or the other, but soon.
    drop(Grammar::from_json_schema(&growing));
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
        (r"^\uD83D\uDE00[\uD83D\uDE01-\uD83D\uDE02]$", &["😀😁", "😀😂"], &["😀", "😀😃"]),
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
    for pattern in [
        "a(",
        "a)",
        "*",
        "a{2",
        "[a",
        "(?<n>a)",
        "a\\",
        "(^a)",
        "a$b",
        "\\p{L}",
        "a{3,1}",
        r"\u+041",
        r"\x+4",
        "a{+2}",
        r"\uD83D",
        r"\uDE00a",
        r"\uD83D\u0041",
    ] {
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

/// Schemas, which name those of [`whole`] where they may.
fn schema(depth: u32, refs: bool) -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(json!({"type": "boolean"})),
        Just(json!({"type": "null"})),
        Just(json!({"type": "number"})),
        Just(json!({"type": ["string", "null"]})),
        Just(json!({"type": ["integer", "string"], "maxLength": 2, "minimum": 3})),
        Just(json!({"type": "string", "nullable": true, "maxLength": 2})),
        Just(json!(false)),
        (0i64..4, 0i64..4).prop_map(|(one, other)| json!({"const": one, "enum": [other, 1, "a"]})),
        "[ab]{0,2}".prop_map(|text| json!({"const": text, "type": ["string", "null"], "nullable": true})),
        (0usize..2).prop_map(|n| json!({"enum": ["a", "ab", null], "type": "string", "maxLength": n})),
        (-1200i64..1200, 0i64..1500)
            .prop_map(|(low, n)| json!({"type": "integer", "minimum": low, "maximum": low + n})),
        (
            prop_oneof![Just("minimum"), Just("maximum"), Just("exclusiveMinimum"), Just("exclusiveMaximum")],
            -99..99
        )
            .prop_map(|(word, n)| json!({"type": "integer", word: n})),
        (0u32..4, 0u32..4)
            .prop_map(|(low, n)| json!({"type": "string", "minLength": low, "maxLength": low + n})),
        proptest::collection::vec("[a-c\"é]{0,3}", 1..4).prop_map(|values| json!({"enum": values})),
    ];
    let named = prop_oneof![Just(json!({"$ref": "#/$defs/other"})), Just(json!({"$ref": "#/$defs/list"}))];
    let leaf = if refs { prop_oneof![4 => leaf, 1 => named].boxed() } else { leaf.boxed() };
    if depth == 0 {
        return leaf;
    }
    let inner = || schema(depth - 1, refs);
    let object = (
        proptest::collection::vec(("[ab\"\\\\é]{0,3}", inner(), any::<bool>()), 0..4),
        proptest::option::of(inner()),
        any::<bool>(),
    );
    let object = object
        .prop_map(|(properties, others, closed)| {
            let required: Vec<&str> = properties.iter().filter(|p| p.2).map(|p| p.0.as_str()).collect();
            let names: serde_json::Map<String, Value> =
                properties.iter().map(|p| (p.0.clone(), p.1.clone())).collect();
            let mut object = json!({"type": "object", "properties": names, "required": required});
            if closed || others.is_some() {
                object["additionalProperties"] = others.unwrap_or(false.into());
            }
            object
        })
        .boxed();
    let array = (inner(), proptest::option::of(proptest::collection::vec(inner(), 0..3)), 0u32..3, 0u32..3);
    let array = array
        .prop_map(|(items, first, low, n)| {
            let mut array = json!({"type": "array", "items": items, "minItems": low, "maxItems": low + n});
            if let Some(first) = first {
                array["prefixItems"] = first.into();
            }
            array
        })
        .boxed();
    let several = |word: &'static str, of: BoxedStrategy<Value>| {
        proptest::collection::vec(of, 1..3).prop_map(move |schemas| json!({word: schemas})).boxed()
    };
    // One schema, with others beside its words.
    let beside =
        (object.clone(), prop_oneof![Just("anyOf"), Just("oneOf"), Just("allOf")], object.clone(), inner());
    let beside = beside.prop_map(|(mut schema, word, one, other)| {
        schema[word] = json!([one, other]);
        schema
    });
    prop_oneof![
        2 => leaf,
        2 => object.clone(),
        2 => array.clone(),
        1 => several("anyOf", inner()),
        1 => several("oneOf", inner()),
        1 => several("allOf", inner()),
        1 => several("allOf", object),
        1 => several("allOf", array),
        1 => beside,
    ]
    .boxed()
}

/// Whole schemas, with what others of them may name: one of its own, and one that names itself.
fn whole() -> impl Strategy<Value = Value> {
    (schema(2, true), schema(1, false)).prop_map(|(schema, other)| {
        let items =
            json!([{"$ref": "#/$defs/other"}, {"allOf": [{"$ref": "#/$defs/list"}], "nullable": true}]);
        let list = json!({"type": "array", "items": {"anyOf": items}});
        json!({"allOf": [schema], "$defs": {"other": other, "list": list}})
    })
}

/// Whether a schema, a part of `whole`, is true of a value; but that `oneOf` is read as `anyOf`.
fn is_true_of(whole: &Value, schema: &Value, value: &Value) -> bool {
    if let Value::Bool(all) = schema {
        return *all;
    }
    let list = |word: &str| schema[word].as_array();
    let holds = |schema: &Value, value: &Value| is_true_of(whole, schema, value);
    let within = |n: f64, least: &str, most: &str| {
        schema[least].as_f64().is_none_or(|least| n >= least)
            && schema[most].as_f64().is_none_or(|most| n <= most)
    };
    let is = |ty: &str| {
        let said = &schema["type"];
        said.is_null() || said == ty || said.as_array().is_some_and(|types| types.contains(&json!(ty)))
    };
    schema["$ref"].as_str().is_none_or(|name| holds(whole.pointer(&name[1..]).unwrap(), value))
        && list("allOf").is_none_or(|parts| parts.iter().all(|part| holds(part, value)))
        && ["anyOf", "oneOf"]
            .iter()
            .all(|word| list(word).is_none_or(|parts| parts.iter().any(|part| holds(part, value))))
        && list("enum").is_none_or(|values| values.contains(value))
        && schema.get("const").is_none_or(|one| one == value)
        && match value {
            Value::Null => is("null") || schema["nullable"] == true,
            Value::Bool(_) => is("boolean"),
            Value::Number(n) => {
                let n = n.as_f64().unwrap();
                (is("number") || (is("integer") && n.fract() == 0.0))
                    && within(n, "minimum", "maximum")
                    && schema["exclusiveMinimum"].as_f64().is_none_or(|least| n > least)
                    && schema["exclusiveMaximum"].as_f64().is_none_or(|most| n < most)
            }
            Value::String(text) => {
                is("string") && within(text.chars().count() as f64, "minLength", "maxLength")
            }
            Value::Array(items) => {
                let first = list("prefixItems").map_or(&[][..], Vec::as_slice);
                is("array")
                    && within(items.len() as f64, "minItems", "maxItems")
                    && items.iter().enumerate().all(|(i, item)| {
                        first.get(i).or(schema.get("items")).is_none_or(|schema| holds(schema, item))
                    })
            }
            Value::Object(members) => {
                is("object")
                    && list("required").is_none_or(|names| {
                        names.iter().all(|name| members.contains_key(name.as_str().unwrap()))
                    })
                    && members.iter().all(|(name, member)| {
                        let listed = schema["properties"].get(name).or(schema.get("additionalProperties"));
                        listed.is_none_or(|schema| holds(schema, member))
                    })
            }
        }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever tokens are taken of those that are allowed, the text goes on until it ends, and is then what the schema says.
    #[test]
    fn what_is_written_under_a_schema_is_true_of_it(schema in whole(), seed in any::<u64>()) {
        thread_local!(static GPT2: (Tokenizer, Arc<TokenIndex>) = {
            let tokenizer = common::llamacpp("gpt-2");
            let tokens = index(&tokenizer);
            (tokenizer, tokens)
        });
        GPT2.with(|(tokenizer, tokens)| {
            let grammar = match Grammar::from_json_schema(&schema) {
                Ok(grammar) => grammar,
                Err(GrammarError::Schema { .. } | GrammarError::NoText) => return Ok(()),
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            };
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
            prop_assert!(is_true_of(&schema, &schema, &value), "{text}");
            Ok(())
        })?;
    }
}
