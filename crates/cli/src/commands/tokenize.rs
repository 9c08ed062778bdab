//! `sotto tokenize`: text to ids.

use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::model_file::ModelFiles;

/// Prints the token ids of a text as a JSON array
#[derive(clap::Args)]
pub struct Args {
    /// The model whose tokenizer to use
    #[arg(long)]
    model: PathBuf,
    /// The text; standard input when neither this nor --file is given
    #[arg(long, conflicts_with = "file")]
    text: Option<String>,
    /// A file that holds the text
    #[arg(long)]
    file: Option<PathBuf>,
    /// Adds no beginning- or end-of-text token, and reads special tokens in the text as plain text
    #[arg(long)]
    no_special: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let files = ModelFiles::open(&args.model)?;
    let text = read_text(args.text.as_deref(), args.file.as_deref())?;
    let special = !args.no_special;
    let ids = files.header.tokenizer().encode(&text, special, special)?;
    println!("{}", serde_json::to_string(&ids)?);
    Ok(())
}

/// The text given, or that of a file, or standard input's.
pub fn read_text(text: Option<&str>, file: Option<&std::path::Path>) -> Result<String> {
    if let Some(text) = text {
        return Ok(text.to_owned());
    }
    let (bytes, name) = match file {
        Some(path) => {
            let name = path.display().to_string();
            (std::fs::read(path).with_context(|| name.clone())?, name)
        }
        None => {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).context("standard input")?;
            (bytes, "standard input".to_owned())
        }
    };
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        anyhow::anyhow!("{name}: is not UTF-8 from byte {at}; convert it to UTF-8")
    })
}
