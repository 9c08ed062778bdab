//! `sotto eval pii`: how much of what is annotated is found.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::json;
use sotto_pii::Label;
use sotto_pii::eval::{LabelMap, Report, Span, read};

use crate::finder::{Finder, FinderArgs, label_map};

/// Personal data: precision, recall, F1 and F2 by label, exact and by overlap, and what would leak
#[derive(clap::Args)]
pub struct Args {
    /// Annotated files: IOB2 or CoNLL, TAB-separated, or JSON with spans
    #[arg(required = true)]
    data: Vec<PathBuf>,
    #[command(flatten)]
    find: FinderArgs,
    /// Which label a name in the files stands for, as NAME=LABEL; NAME= leaves it out. Usual names need none
    #[arg(long, value_name = "NAME=LABEL")]
    map: Vec<String>,
    /// How many of the worst misses to print of each file. They quote the files
    #[arg(long, default_value_t = 8)]
    misses: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// One file's results.
struct Scored {
    path: PathBuf,
    report: Report,
    tokens: usize,
    bytes: usize,
    seconds: f64,
}

pub fn run(args: &Args) -> Result<()> {
    let map = label_map("--map", &args.map)?;
    let mut finder = Finder::new(&args.find)?;
    let mut out = std::io::stdout().lock();
    let mut files = Vec::new();
    for path in &args.data {
        let scored = score(path, &map, &mut finder)?;
        if args.json {
            files.push(describe(&scored, args.misses));
            continue;
        }
        let Scored { report, tokens, bytes, seconds, .. } = &scored;
        writeln!(out, "{}\n{report}", path.display())?;
        let rate = *tokens as f64 / seconds;
        writeln!(out, "{tokens} tokens, {bytes} bytes in {seconds:.2} s: {rate:.0} tokens/s")?;
        for (label, text, count) in report.worst_misses(args.misses) {
            writeln!(out, "  missed {count} x {label}: {}", text.escape_debug())?;
        }
        writeln!(out)?;
    }
    if args.json {
        writeln!(out, "{}", json!({ "model": finder.model_name(), "files": files }))?;
    }
    Ok(())
}

fn score(path: &PathBuf, map: &LabelMap, finder: &mut Finder) -> Result<Scored> {
    let name = || path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(name)?;
    let documents = read(&text, map).with_context(name)?;
    let annotated: BTreeSet<Label> =
        documents.iter().flat_map(|document| document.gold.iter().map(|span| span.label.clone())).collect();
    let mut scored =
        Scored { path: path.clone(), report: Report::default(), tokens: 0, bytes: 0, seconds: 0.0 };
    for document in &documents {
        scored.tokens += finder.tokens(&document.text)?;
        scored.bytes += document.text.len();
        let start = Instant::now();
        let found = finder.find(&document.text)?;
        scored.seconds += start.elapsed().as_secs_f64();
        // A file that knows only dates means dates of birth too.
        let found: Vec<Span> = found
            .iter()
            .map(|entity| Span { label: entity.label.as_annotated(&annotated), ..Span::from(entity) })
            .collect();
        scored.report.add(document, &found, |label| annotated.contains(label));
    }
    Ok(scored)
}

fn describe(scored: &Scored, misses: usize) -> serde_json::Value {
    let Scored { path, report, tokens, bytes, seconds } = scored;
    let mut value = report.to_json();
    let worst = report.worst_misses(misses).into_iter();
    value["path"] = json!(path);
    value["tokens"] = json!(tokens);
    value["bytes"] = json!(bytes);
    value["seconds"] = json!(seconds);
    value["tokens_per_second"] = json!(*tokens as f64 / seconds);
    value["misses"] =
        worst.map(|(label, text, count)| json!({ "label": label, "text": text, "count": count })).collect();
    value
}
