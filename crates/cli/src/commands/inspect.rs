//! `sotto inspect`: what a model's header says.

use std::path::PathBuf;

use anyhow::Result;

use crate::model_file::ModelFiles;

/// Shows what a model file holds, from its header alone
#[derive(clap::Args)]
pub struct Args {
    /// A .gguf file, the first part of a split one, or a manifest.json
    model: PathBuf,
    /// Print the plan: one operation a line
    #[arg(long)]
    plan: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let files = ModelFiles::open(&args.model)?;
    let header = &files.header;
    let info = serde_json::to_value(header.info())?;
    if args.json {
        let mut info = info;
        if args.plan {
            let lines: Vec<String> = header.plan().to_string().lines().map(str::to_owned).collect();
            info["plan"] = lines.into();
        }
        println!("{info}");
        return Ok(());
    }
    for (key, value) in info.as_object().into_iter().flatten() {
        match value {
            serde_json::Value::Null => {}
            serde_json::Value::String(text) => println!("{key:16} {text}"),
            other => println!("{key:16} {other}"),
        }
    }
    if args.plan {
        print!("\n{}", header.plan());
    }
    Ok(())
}
