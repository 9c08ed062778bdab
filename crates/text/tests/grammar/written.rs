//! What is written under a schema is true of it, whatever the schema.

use super::*;

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
