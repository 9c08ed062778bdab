//! What JSON Schemas mean, word by word, and what is refused by its path.

use super::*;

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
