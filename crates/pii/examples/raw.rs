//! Scratch.
#![allow(clippy::all, missing_docs)]
use std::io::BufRead;
fn main() {
    let r = sotto_pii::Recognisers::all();
    for line in std::io::stdin().lock().lines() {
        let v: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = v["text"].as_str().unwrap();
        let cp = |b: usize| text[..b].chars().count();
        let e: Vec<serde_json::Value> = r.find(text, None).iter().map(|e| serde_json::json!({"label": e.label.name(), "start": cp(e.start), "end": cp(e.end), "score": e.score, "by": e.by as u8, "why": e.explain.recogniser})).collect();
        println!("{}", serde_json::json!({"id": v["id"], "entities": e}));
    }
}
