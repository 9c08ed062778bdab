//! Grammars and schemas made to cost much, in time and in memory.

use super::*;

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
