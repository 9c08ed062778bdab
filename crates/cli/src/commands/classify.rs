//! `sotto classify`: the spans that a token classifier finds.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Value, json};
use sotto_pii::{Offsets, TokenClassifier};

use crate::model_file::{Backend, ModelFiles};
use crate::text::TextArgs;

/// Prints what a token classifier finds in a text
#[derive(clap::Args)]
pub struct Args {
    /// The model
    #[arg(long)]
    model: PathBuf,
    #[command(flatten)]
    text: TextArgs,
    /// One of the operating points that the model brings (viterbi_calibration.json) [default: "default", if it has one]
    #[arg(long, value_name = "NAME")]
    operating_point: Option<String>,
    /// Print JSON: a list of {"label", "start", "end", "text", "score"}, offsets in Unicode code points
    #[arg(long)]
    json: bool,
    /// Where to run
    #[arg(long, value_enum, default_value_t = Backend::Auto)]
    backend: Backend,
}

pub fn run(args: &Args) -> Result<()> {
    let text = args.text.read()?;
    let mut classifier = ModelFiles::open(&args.model)?.load_classifier(args.backend)?;
    classifier.set_operating_point(args.operating_point.as_deref())?;
    let spans = pollster::block_on(classifier.classify(&text))?;
    let offsets = Offsets::new(&text);
    let place = |byte| offsets.code_point(byte);
    if args.json {
        let list: Vec<Value> = spans
            .iter()
            .map(|span| {
                json!({
                    "label": span.class,
                    "start": place(span.start),
                    "end": place(span.end),
                    "text": text.get(span.start..span.end),
                    "score": span.score,
                })
            })
            .collect();
        println!("{}", Value::from(list));
        return Ok(());
    }
    for span in &spans {
        let found = text.get(span.start..span.end).unwrap_or_default();
        println!(
            "{:>7} {:>7}  {:.3}  {:16} {found}",
            place(span.start),
            place(span.end),
            span.score,
            span.class
        );
    }
    Ok(())
}
