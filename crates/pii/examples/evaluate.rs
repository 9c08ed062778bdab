//! Scores the recognisers alone on annotated files.
//!
//!     cargo run --release -p sotto-pii --example evaluate FILE...

use sotto_pii::eval::{LabelMap, Report, Span, read};
use sotto_pii::{Policy, Recognisers, Redactor};

fn main() -> std::io::Result<()> {
    let redactor = Redactor::new(Policy::default(), Recognisers::all()).map_err(std::io::Error::other)?;
    for path in std::env::args().skip(1) {
        let documents =
            read(&std::fs::read_to_string(&path)?, &LabelMap::new()).map_err(std::io::Error::other)?;
        let labels: std::collections::BTreeSet<_> =
            documents.iter().flat_map(|d| d.gold.iter().map(|s| s.label.clone())).collect();
        let mut report = Report::default();
        for document in &documents {
            let found: Vec<Span> = redactor.analyze(&document.text).iter().map(Span::from).collect();
            report.add(document, &found, |label| labels.contains(label));
        }
        println!("{path}\n{report}");
        for (label, text, count) in report.worst_misses(8) {
            println!("  missed {count} x {label}: {text}");
        }
    }
    Ok(())
}
