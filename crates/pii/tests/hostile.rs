//! Input that nobody means well with: any Unicode, NULs, lines of megabytes, shapes built to make a scan quadratic.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use sotto_pii::{
    Action, Custom, Entity, Label, OperatingPoint, Pieces, Policy, Recognisers, Redactor, StreamRedactor,
    Vault,
};

fn redactor() -> Redactor {
    Redactor::new(Policy::all(Action::Placeholder).at(OperatingPoint::Recall), Recognisers::all()).unwrap()
}

fn check(text: &str) {
    let redactor = redactor();
    let entities = redactor.analyze(text);
    sound(text, &entities);
    sound(text, &redactor.with_again(text, entities));
}

/// In order, without overlap, at the edges of characters.
fn sound(text: &str, entities: &[Entity]) {
    let mut last = 0;
    for entity in entities {
        assert!(last <= entity.start && entity.start < entity.end && entity.end <= text.len());
        assert!(text.is_char_boundary(entity.start) && text.is_char_boundary(entity.end));
        assert!((0.0..=1.0).contains(&entity.score));
        last = entity.end;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_unicode(text in prop::collection::vec(any::<char>(), 0..120)) {
        check(&text.into_iter().collect::<String>());
    }

    #[test]
    fn anything_near_an_anchor(text in prop::collection::vec(prop_oneof![
        Just("@"), Just("://"), Just("."), Just(":"), Just("-"), Just("-----BEGIN "), Just("-----"), Just("eyJ"), Just("sk-"), Just("0x"), Just("("), Just(")"), Just("+"),
        Just("00"), Just("1"), Just("12"), Just("2024"), Just("4111"), Just("123456789"), Just("ES91"), Just("bc1"), Just("A"), Just("ABC"), Just("é"), Just("😀"), Just("\u{200b}"), Just("４"),
        Just(" "), Just("\n"), Just("\0"), Just("\""), Just("password"), Just("passport"), Just("born"), Just("May"), Just("de"), Just("rue"), Just("Street"), Just("年"), Just("月"),
        Just("="), Just("/"), Just("["), Just("]"), Just("aged"), Just("user"), Just("BIC"), Just("PERSON_1"), Just("T12:"), Just("'"), Just("#"), Just("ext"), Just("x"),
    ], 0..40)) {
        check(&text.concat());
    }
}

#[test]
fn long_lines_take_linear_time() {
    // One repeated unit each: whatever a recogniser reads around an anchor, there is always another anchor next to it.
    const UNITS: [&str; 40] = [
        "a",
        "1",
        "1 ",
        "12 ",
        "1-",
        "1.",
        "1/",
        "123 4567 ",
        "@",
        "a@",
        "a@a.",
        "a.b",
        "a.com/",
        "://",
        "a://a",
        "http://a)))",
        ":",
        "::",
        "a:",
        "1:",
        "[",
        "[PERSON_",
        "[PERSON_1]",
        "\\[",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----\n",
        "eyJ",
        "eyJaaaaaaaaaaaa.",
        "password ",
        "password: ",
        "password=\"",
        "passport 1",
        "iban ",
        "May ",
        "1 de ",
        "é",
        "\u{200b}",
        "４",
        "00-",
        "\0",
    ];
    const LEN: usize = 1 << 20;
    for unit in UNITS {
        let text = unit.repeat(LEN / unit.len());
        let start = Instant::now();
        check(&text);
        let took = start.elapsed();
        assert!(took < Duration::from_secs(20), "{unit:?} took {took:?}");
    }
}

#[test]
fn ten_megabytes_on_one_line() {
    let text = "4111 1111 1111 1111,ana@example.com;(415) 555-2671 x ".repeat(200_000);
    assert!(text.len() > 10_000_000);
    let start = Instant::now();
    let redactor = redactor();
    let mut vault = Vault::new();
    let redacted = redactor.redact(&text, &mut vault);
    assert_eq!(redacted.entities.len(), 600_000);
    assert!(!redacted.text.contains("4111"));
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[test]
fn pieces_of_hostile_texts_end_and_leave_nothing_out() {
    let redactor = redactor();
    for unit in [
        "x",
        "@",
        "1 ",
        "4111 1111 1111 1111,",
        "-----BEGIN PRIVATE KEY-----\n",
        "http://",
        "é",
        "\u{200b}",
        "\0",
    ] {
        let text = unit.repeat(60_000 / unit.len());
        let mut pieces = Pieces::new(&redactor, 1000);
        let mut steps = 0;
        let mut last = 0;
        while let Some(part) = pieces.next(&text) {
            let found = redactor.analyze(&text[part]);
            for entity in pieces.take(&text, found) {
                assert!(last <= entity.start && entity.end <= text.len(), "{unit:?}");
                last = entity.end;
            }
            steps += 1;
            assert!(steps < 1000, "{unit:?}");
        }
        assert_eq!(pieces.decided(), text.len());
    }
}

#[test]
fn patterns_that_blow_up_elsewhere_are_refused_or_linear() {
    for pattern in [
        "(a+)+$",
        "(a|a)*b",
        "(a|aa)+c",
        "(.*)*x",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(?:a{0,50}){0,50}b",
        "a{1000}{1000}",
        "((((((((((a*)*)*)*)*)*)*)*)*)*)b",
        &"(".repeat(5000),
        &format!("[{}]", "a-z".repeat(50_000)),
        r"(x+x+)+y",
        r"(?i)(\p{L}+\s?)+\d",
    ] {
        let mut custom = Custom::default();
        if custom.pattern(Label::IdNumber, pattern, 1.0).is_err() {
            continue;
        }
        let redactor = Redactor::new(Policy::default(), Recognisers::all().with(custom)).unwrap();
        let start = Instant::now();
        for text in ["a".repeat(50_000), "x".repeat(50_000), "Aa bb ".repeat(8000)] {
            redactor.analyze(&text);
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{pattern:.40} took {:?}", start.elapsed());
    }
}

#[test]
fn streams_of_hostile_parts_end() {
    let redactor = redactor();
    for unit in ["x", "@", "[", "1 ", "-----BEGIN PRIVATE KEY-----\n", "http://"] {
        let mut vault = Vault::new();
        let mut stream = StreamRedactor::new(&redactor);
        let text = unit.repeat(200_000 / unit.len());
        let mut out = String::new();
        for part in text.as_bytes().chunks(1000) {
            out += &stream.push(&redactor, std::str::from_utf8(part).unwrap(), &mut vault).text;
        }
        out += &stream.finish(&redactor, &mut vault).text;
        assert_eq!(vault.restore(&out), text, "{unit:?}");
    }
}

#[test]
fn disguised_values_are_found_where_they_stand() {
    for (text, label, want) in [
        ("card ４１１１ １１１１ １１１１ １１１１!", "CREDIT_CARD", "４１１１ １１１１ １１１１ １１１１"),
        ("mail jоhn\u{200b}.doe＠exаmple．com now", "EMAIL", "jоhn\u{200b}.doe＠exаmple．com"),
        ("é😀 4111\u{a0}1111\u{2011}1111\u{ad}1111.", "CREDIT_CARD", "4111\u{a0}1111\u{2011}1111\u{ad}1111"),
        ("\u{202e}DE89 3704 0044 0532 0130 00\u{202c}", "IBAN", "DE89 3704 0044 0532 0130 00"),
        ("שלום ana@example.com\r\n", "EMAIL", "ana@example.com"),
        ("tel: ٠٦١٢٣٤٥٦٧٨", "PHONE", "٠٦١٢٣٤٥٦٧٨"),
    ] {
        let entities = redactor().analyze(text);
        let found: Vec<_> = entities.iter().map(|e| (e.label.name(), e.text(text))).collect();
        assert!(found.contains(&(label, want)), "{text:?}: {found:?}");
    }
}
