//! Redact, then restore: the original, for any text, any policy that keeps a vault, and any number of texts in one vault.

use proptest::prelude::*;
use sotto_pii::structured::{FieldAction, Fields, Format};
use sotto_pii::{
    Action, By, Entity, Group, Label, OperatingPoint, Policy, Recognisers, Redactor, StreamRedactor,
    StreamRestorer, Vault, lone,
};

fn redactor(action: Action) -> Redactor {
    Redactor::new(Policy::all(action), Recognisers::all()).unwrap()
}

/// Text dense in entities, look-alikes of placeholders and awkward characters.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("ana@example.com"),
        Just("4111 1111 1111 1111"),
        Just("+34 600 123 456"),
        Just("[PERSON_1]"),
        Just("[EMAIL_1]"),
        Just("EMAIL_1"),
        Just("[ email 2 ]"),
        Just("\\[EMAIL\\_1\\]"),
        Just("\\"),
        Just("["),
        Just("]"),
        Just("_1"),
        Just("EMAIL_"),
        Just("[EMAIL_"),
        Just("192.168.1.7"),
        Just("https://x.example/a?b=c@d.e"),
        Just("DE89370400440532013000"),
        Just("18 August 1997"),
        Just(" "),
        Just("\r\n"),
        Just("\u{0}"),
        Just("é😀"),
        Just("\u{200b}"),
        Just("[LITERAL_1]"),
        Just("LITERAL_1"),
        Just("example.com"),
        Just("Robin Rossi"),
        Just(" Rossi "),
        Just("SSN 536-90-4399"),
        Just("password: hunter2!"),
        Just("1"),
        Just("2001:db8::1"),
    ];
    prop_oneof![
        prop::collection::vec(prop_oneof![4 => piece.prop_map(str::to_owned), 1 => "\\PC{0,8}"], 0..14)
            .prop_map(|parts| parts.concat()),
        "\\PC{0,80}",
    ]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![Just(Action::Placeholder), Just(Action::Surrogate), Just(Action::Keep)]
}

/// Any policy that a vault can undo: an action for each family and some labels, at any operating point.
fn policy() -> impl Strategy<Value = Policy> {
    const GROUPS: [Group; 5] =
        [Group::Personal, Group::Contact, Group::Financial, Group::Time, Group::Government];
    let points = [OperatingPoint::Recall, OperatingPoint::Balanced, OperatingPoint::Precision];
    let groups = prop::collection::vec(action(), GROUPS.len());
    (action(), groups, action(), 0_usize..3, any::<bool>()).prop_map(
        move |(default, groups, email, point, preset)| {
            let base = if preset { Policy::named("gdpr").unwrap() } else { Policy::all(default) };
            let grouped = GROUPS
                .iter()
                .zip(groups)
                .fold(base, |policy, (group, action)| policy.with_group(*group, action));
            grouped.with(Label::Email, email).at(points[point])
        },
    )
}

/// `text` cut into parts of these many characters, in turn.
fn cut(text: &str, sizes: &[usize]) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut parts = Vec::new();
    let mut at = 0;
    for size in sizes.iter().cycle() {
        if at >= chars.len() {
            break;
        }
        parts.push(chars[at..(at + size).min(chars.len())].iter().collect());
        at += size;
    }
    parts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_text_comes_back_through_streams_under_any_policy(
        texts in prop::collection::vec(text(), 1..8),
        policy in policy(),
        sizes in prop::collection::vec(1_usize..40, 1..4),
    ) {
        let redactor = Redactor::new(policy, Recognisers::all()).unwrap();
        let text = texts.join(" and so on, as one would expect of a letter, ");
        let mut vault = Vault::new();
        let mut stream = StreamRedactor::new(&redactor);
        let mut redacted: Vec<String> =
            cut(&text, &sizes).iter().map(|part| stream.push(&redactor, part, &mut vault).text).collect();
        redacted.push(stream.finish(&redactor, &mut vault).text);
        let redacted = redacted.concat();
        prop_assert_eq!(&vault.restore(&redacted), &text);
        let mut restorer = StreamRestorer::new();
        let mut restored: String = cut(&redacted, &sizes).iter().map(|part| restorer.push(part, &vault)).collect();
        restored += &restorer.finish(&vault);
        prop_assert_eq!(restored, text);
    }

    #[test]
    fn every_document_comes_back_under_any_policy(texts in prop::collection::vec(text(), 1..6), policy in policy()) {
        let redactor = Redactor::new(policy, Recognisers::all()).unwrap();
        let fields = Fields::all().with("**.name", FieldAction::Whole(Label::Person)).unwrap();
        let json = serde_json::json!({ "name": texts.first(), "list": texts, "n": 12.5, "deep": [{ "x": texts.last() }] });
        let csv: String = texts.iter().map(|text| format!("1,\"{}\"\n", text.replace('"', "\"\""))).collect();
        for (format, document) in [
            (Format::Json(fields.clone()), json.to_string()),
            (Format::Chat, serde_json::json!([{ "role": "user", "content": texts.concat() }]).to_string()),
            (Format::Csv { header: false, fields }, csv),
        ] {
            let mut vault = Vault::new();
            let redacted = format.redact(&redactor, &document, &mut vault).unwrap();
            let restored = format.restore(&redacted.text, &vault).unwrap();
            if matches!(format, Format::Csv { .. }) {
                prop_assert_eq!(restored, document);
            } else {
                let read = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
                prop_assert_eq!(read(&restored), read(&document));
            }
        }
    }

    #[test]
    fn any_utf16_comes_back(units in prop::collection::vec(prop_oneof![any::<u16>(), 0xd7f0_u16..0xe010, 0x20_u16..0x7f], 0..60), mail in any::<bool>()) {
        let mail: &[u16] = if mail { &"ana@example.com".encode_utf16().collect::<Vec<_>>() } else { &[] };
        let units = [&units, mail, &units].concat();
        let text = lone::from_utf16(&units);
        let mut vault = Vault::new();
        let redacted = redactor(Action::Placeholder).redact(&text, &mut vault);
        prop_assert_eq!(lone::to_utf16(&vault.restore(&redacted.text)), units);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_text_comes_back(texts in prop::collection::vec((text(), action()), 1..5)) {
        let mut vault = Vault::new();
        let mut redacted = Vec::new();
        for (text, action) in &texts {
            let redactor = redactor(*action);
            let found = redactor.with_known(text, redactor.analyze(text), &vault);
            let result = redactor.apply(text, found, &mut vault);
            prop_assert_eq!(&vault.restore(&result.text), text);
            for replaced in &result.entities {
                let end = replaced.new_start + replaced.replacement.len();
                prop_assert_eq!(result.text.get(replaced.new_start..end), Some(replaced.replacement.as_str()));
            }
            redacted.push(result.text);
        }
        // What was redacted early still comes back when the vault has grown, and after the vault was stored.
        let stored = Vault::from_json(&vault.to_json()).unwrap();
        for ((text, action), redacted) in texts.iter().zip(&redacted) {
            if *action == Action::Placeholder {
                prop_assert_eq!(&vault.restore(redacted), text);
                prop_assert_eq!(&stored.restore(redacted), text);
            }
        }
    }

    #[test]
    fn any_spans_of_a_model_come_back(text in text(), cuts in prop::collection::vec((0_usize..200, 0_usize..30), 0..6), action in action()) {
        let spans = cuts.iter().map(|&(start, len)| Entity::new(Label::Person, start, start + len, 0.9, By::Model, "test")).collect();
        let redactor = redactor(action);
        let entities = redactor.analyze_with(&text, spans, None);
        let mut vault = Vault::new();
        let redacted = redactor.apply(&text, entities, &mut vault);
        prop_assert_eq!(vault.restore(&redacted.text), text);
    }

    #[test]
    fn nothing_found_is_left_in_the_open(text in text()) {
        let redactor = redactor(Action::Placeholder);
        let redacted = redactor.redact(&text, &mut Vault::new());
        let covered: usize = redacted.entities.iter().map(|r| r.entity.end - r.entity.start).sum();
        let written: usize = redacted.entities.iter().map(|r| r.replacement.len()).sum();
        prop_assert_eq!(redacted.text.len(), text.len() - covered + written);
    }
}

#[test]
fn the_same_value_has_one_placeholder_across_calls() {
    let redactor = redactor(Action::Placeholder);
    let mut vault = Vault::new();
    assert_eq!(redactor.redact("ana@example.com, bo@example.com", &mut vault).text, "[EMAIL_1], [EMAIL_2]");
    assert_eq!(redactor.redact("again bo@example.com", &mut vault).text, "again [EMAIL_2]");
}

#[test]
fn text_that_holds_placeholders_already() {
    let redactor = redactor(Action::Placeholder);
    let mut vault = Vault::new();
    let first = redactor.redact("[EMAIL_1] is not ana@example.com", &mut vault);
    assert_eq!(first.text, "[EMAIL_1] is not [EMAIL_2]");
    let second = redactor.redact("who is [email 2]?", &mut vault);
    assert_eq!(second.text, "who is [LITERAL_1]?");
    assert_eq!(vault.restore(&first.text), "[EMAIL_1] is not ana@example.com");
    assert_eq!(vault.restore(&second.text), "who is [email 2]?");
}

#[test]
fn a_kept_address_does_not_hide_the_card_in_it() {
    let redactor = Redactor::new(Policy::named("pci").unwrap(), Recognisers::all()).unwrap();
    let redacted = redactor.redact("https://pay.example/?card=4111111111111111", &mut Vault::new());
    assert_eq!(redacted.text, "https://pay.example/?card=************1111");
}
