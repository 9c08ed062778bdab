//! What `sotto redact --jsonl` finds in texts whose writers had seen nothing of it, with the table that they would have printed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What the texts call a label.
fn family(label: &str) -> &str {
    match label {
        "LOCATION" | "ADDRESS" | "POSTAL_CODE" | "COORDINATES" => "PLACE",
        "DATE_OF_BIRTH" => "DATE",
        "IP_ADDRESS" => "IP",
        "SSN" | "TAX_ID" | "NATIONAL_ID" | "PASSPORT" | "DRIVER_LICENSE" | "HEALTH_ID" | "ID_NUMBER"
        | "ACCOUNT_NUMBER" | "ROUTING_NUMBER" => "ID",
        other => other,
    }
}

#[derive(Default)]
struct Counts {
    gold: u32,
    found: u32,
    given: u32,
    right: u32,
}

impl Counts {
    /// Precision, recall and F2.
    fn scores(&self) -> [f64; 3] {
        let share = |part: u32, whole: u32| f64::from(part) / f64::from(whole.max(1));
        let (p, r) = (share(self.right, self.given), share(self.found, self.gold));
        [p, r, 5.0 * p * r / (4.0 * p + r).max(f64::MIN_POSITIVE)]
    }
}

fn spans<'v>(values: &'v Value, name: &str) -> Vec<(u64, u64, &'v str)> {
    let place = |span: &'v Value| match span.as_array() {
        Some(span) => (
            span[0].as_u64().unwrap(),
            span[1].as_u64().unwrap(),
            span.get(2).map_or("", |f| f.as_str().unwrap()),
        ),
        None => (
            span["start"].as_u64().unwrap(),
            span["end"].as_u64().unwrap(),
            family(span["label"].as_str().unwrap()),
        ),
    };
    values[name].as_array().unwrap().iter().map(place).collect()
}

#[test]
fn strangers_texts_are_found_as_well_as_the_card_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/pii/testers.jsonl");
    let texts = std::fs::read_to_string(path).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_sotto"))
        .args(["redact", "--jsonl", "--backend", "cpu"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let written = texts.clone();
    let writer = std::thread::spawn(move || input.write_all(written.as_bytes()));
    let answers: Vec<String> =
        BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap).collect();
    writer.join().unwrap().unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(answers.len(), texts.lines().count());

    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    for (text, answer) in texts.lines().zip(&answers) {
        let (text, answer): (Value, Value) =
            (serde_json::from_str(text).unwrap(), serde_json::from_str(answer).unwrap());
        assert_eq!(text["id"], answer["id"]);
        let (gold, optional, found) =
            (spans(&text, "gold"), spans(&text, "optional"), spans(&answer, "entities"));
        let touch = |a: &(u64, u64, &str), b: &(u64, u64, &str)| a.0 < b.1 && b.0 < a.1;
        for span in &gold {
            let hit = found.iter().any(|f| f.2 == span.2 && touch(f, span));
            for name in [span.2, "all"] {
                let count = counts.entry(name.to_owned()).or_default();
                (count.gold, count.found) = (count.gold + 1, count.found + u32::from(hit));
            }
        }
        for span in &found {
            let right = gold.iter().any(|g| g.2 == span.2 && touch(g, span));
            if !right && optional.iter().any(|o| touch(o, span)) {
                continue;
            }
            for name in [span.2, "all"] {
                let count = counts.entry(name.to_owned()).or_default();
                (count.given, count.right) = (count.given + 1, count.right + u32::from(right));
            }
        }
    }
    // Labels that the texts do not annotate say nothing.
    let own: u32 = counts.values().filter(|c| c.gold == 0).map(|c| c.given).sum();
    let all = counts.get_mut("all").unwrap();
    all.given -= own;
    counts.retain(|_, count| count.gold > 0);
    println!("{:14} {:>5}  P     R     F2", "family", "spans");
    for (name, count) in &counts {
        let [p, r, f2] = count.scores();
        println!("{name:14} {:>5}  {p:.3} {r:.3} {f2:.3}", count.gold);
    }
    for (name, least) in [
        ("all", 0.95),
        ("PERSON", 0.93),
        ("PLACE", 0.93),
        ("ORGANIZATION", 0.85),
        ("ID", 0.93),
        ("PHONE", 0.95),
    ] {
        let [p, _, f2] = counts[name].scores();
        assert!(f2 >= least && p >= 0.8, "{name}: precision {p:.3}, F2 {f2:.3}, which was {least} at least");
    }
}
