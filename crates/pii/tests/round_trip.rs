//! Redact, then restore: the original, for any text, any policy that keeps a vault, and any number of texts in one vault.

use proptest::prelude::*;
use sotto_pii::{Action, By, Entity, Label, Policy, Recognisers, Redactor, Vault};

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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_text_comes_back(texts in prop::collection::vec((text(), action()), 1..5)) {
        let mut vault = Vault::new();
        let mut redacted = Vec::new();
        for (text, action) in &texts {
            let result = redactor(*action).redact(text, &mut vault);
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
