//! Recognisers agree with python-stdnum on a thousand random numbers (`fixtures/make_identifiers.py`).

use sotto_pii::Recognisers;

#[test]
fn the_same_verdicts_as_stdnum() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in include_str!("fixtures/identifiers.tsv").lines() {
        let [name, words, value, valid] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("malformed fixture: {line}")
        };
        let text = format!("Her {words}: {value}.");
        let found = Recognisers::all().find(&text, None);
        let hit = found.iter().any(|e| e.explain.recogniser == name && e.text(&text) == value);
        if hit != (valid == "1") {
            wrong.push(line);
        }
        count += 1;
    }
    assert!(count > 1000);
    assert!(wrong.is_empty(), "{} of {count} disagree:\n{}", wrong.len(), wrong.join("\n"));
}
