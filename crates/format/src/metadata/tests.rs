use super::*;

fn metadata() -> Metadata {
    let entries = [
        ("u8", Value::U8(7)),
        ("i64", Value::I64(1 << 40)),
        ("negative", Value::I32(-1)),
        ("f32", Value::F32(0.5)),
        ("f64", Value::F64(0.25)),
        ("bool", Value::Bool(true)),
        ("string", Value::String("s".into())),
        ("strings", Value::Array(Array::String(vec!["a".into()]))),
        ("i32s", Value::Array(Array::I32(vec![1, 2]))),
        ("mixed", Value::Array(Array::I32(vec![1, -2]))),
        ("f32s", Value::Array(Array::F32(vec![1.0]))),
    ];
    entries.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
}

#[test]
fn integers_widen_and_must_fit() {
    let m = metadata();
    assert_eq!(m.u32("u8"), Ok(7));
    assert_eq!(m.u64("i64"), Ok(1 << 40));
    assert!(matches!(m.u32("i64"), Err(FormatError::OutOfRange { value: 1_099_511_627_776, .. })));
    assert!(matches!(m.u64("negative"), Err(FormatError::OutOfRange { value: -1, .. })));
    assert_eq!(m.u32s("i32s"), Some(vec![1, 2]));
    assert_eq!(m.u32s("mixed"), None);
}

#[test]
fn getters_tell_missing_from_wrong() {
    let m = metadata();
    assert_eq!(m.u32("none"), Err(FormatError::MissingKey { key: "none".into() }));
    assert_eq!(m.u32_opt("none"), Ok(None));
    assert_eq!(m.u32_or("none", 3), Ok(3));
    assert_eq!(m.str_or("none", "d"), Ok("d"));
    assert!(matches!(m.u32_or("string", 3), Err(FormatError::WrongType { .. })));
    let error = m.f32("strings").unwrap_err().to_string();
    assert_eq!(error, "metadata key \"strings\" is array of string; expected a floating-point number");
    assert_eq!((m.f32("f32"), m.f32("f64")), (Ok(0.5), Ok(0.25)));
    assert_eq!((m.bool("bool"), m.str("string")), (Ok(true), Ok("s")));
    assert!(m.bool("u8").is_err() && m.str("bool").is_err());
    assert_eq!(m.strings("strings"), Some(&["a".to_string()][..]));
    assert_eq!(m.i32s("i32s"), Some(&[1, 2][..]));
    assert_eq!(m.f32s("f32s"), Some(&[1.0][..]));
    assert_eq!((m.strings("i32s"), m.f32s("none"), m.i32s("f32s")), (None, None, None));
}

#[test]
fn order_survives_replacement_and_removal() {
    let mut m: Metadata = ["a", "b", "c"].map(|key| (key.to_string(), Value::U8(0))).into_iter().collect();
    assert_eq!(m.insert("b", Value::U8(1)), Some(Value::U8(0)));
    assert_eq!(m.remove("a"), Some(Value::U8(0)));
    assert_eq!(m.remove("a"), None);
    m.insert("d", Value::U8(2));
    let entries: Vec<_> = m.iter().collect();
    assert_eq!(entries, [("b", &Value::U8(1)), ("c", &Value::U8(0)), ("d", &Value::U8(2))]);
    assert_eq!(m.get("c"), Some(&Value::U8(0)));
    assert_eq!(m.get("d"), Some(&Value::U8(2)));
    assert_eq!(m.len(), 3);
}
