//! `sotto redact`: personal data in text, found by the recognisers and a token classifier.

use std::io::{BufRead, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sotto_pii::{Entity, Offsets, Vault};

use crate::finder::{Finder, FinderArgs};
use crate::text::read_text;

/// Finds personal data and replaces it with placeholders
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    find: FinderArgs,
    /// A file that holds the text [default: standard input]
    #[arg(long)]
    file: Option<PathBuf>,
    /// Print JSON: the redacted text and the entities, with offsets in Unicode code points
    #[arg(long, conflicts_with = "jsonl")]
    json: bool,
    /// Read {"id", "text"} a line, and print {"id", "text", "entities"} a line
    #[arg(long)]
    jsonl: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let mut finder = Finder::new(&args.find)?;
    let mut out = std::io::stdout().lock();
    if args.jsonl {
        return redact_lines(args, &mut finder, &mut out);
    }
    let text = read_text(args.file.as_deref())?;
    let entities = finder.find(&text)?;
    let redacted = finder.redactor.apply(&text, entities, &mut Vault::new());
    if args.json {
        let entities: Vec<Entity> = redacted.entities.into_iter().map(|r| r.entity).collect();
        writeln!(out, "{}", json!({ "text": redacted.text, "entities": describe(&text, &entities) }))?;
    } else {
        write!(out, "{}", redacted.text)?;
    }
    Ok(())
}

fn redact_lines(args: &Args, finder: &mut Finder, out: &mut impl Write) -> Result<()> {
    let input: Box<dyn BufRead> = match &args.file {
        Some(path) => {
            let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
            Box::new(std::io::BufReader::new(file))
        }
        None => Box::new(std::io::stdin().lock()),
    };
    for (index, line) in input.lines().enumerate() {
        // The parser's own words could hold the text; the line's number says enough.
        let wrong = || format!("line {} is not a JSON object with a string \"text\"", index + 1);
        let line = line.with_context(wrong)?;
        if line.trim().is_empty() {
            continue;
        }
        let record: Value = serde_json::from_str(&line).ok().with_context(wrong)?;
        let text = record["text"].as_str().with_context(wrong)?;
        let entities = describe(text, &finder.find(text)?);
        writeln!(out, "{}", json!({ "id": record["id"], "text": text, "entities": entities }))?;
    }
    Ok(())
}

fn describe(text: &str, entities: &[Entity]) -> Vec<Value> {
    let offsets = Offsets::new(text);
    entities
        .iter()
        .map(|entity| {
            json!({
                "label": entity.label,
                "start": offsets.code_point(entity.start),
                "end": offsets.code_point(entity.end),
                "text": text.get(entity.start..entity.end),
                "score": entity.score,
                "by": entity.by,
            })
        })
        .collect()
}
