//! The text that a verb works on: an argument, a file, or standard input.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Where the text is.
#[derive(clap::Args)]
pub struct TextArgs {
    /// The text; standard input when neither this nor --file is given
    #[arg(long, conflicts_with = "file")]
    text: Option<String>,
    /// A file that holds the text
    #[arg(long)]
    file: Option<PathBuf>,
}

impl TextArgs {
    /// The text.
    pub fn read(&self) -> Result<String> {
        match &self.text {
            Some(text) => Ok(text.clone()),
            None => read_text(self.file.as_deref()),
        }
    }
}

/// The text of a file, or standard input's.
pub fn read_text(file: Option<&Path>) -> Result<String> {
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
