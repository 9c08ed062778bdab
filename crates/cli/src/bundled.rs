//! The classifier that the binary carries (`models/pii-mini`).

use anyhow::{Context, Result};
use sotto_engine::{Classifier, LoadOptions, Loader, ModelHeader};

use crate::model_file::Backend;

static PII_MINI: &[u8] = include_bytes!("../../../models/pii-mini/pii-mini.gguf");

/// Loads the bundled classifier of personal data.
pub fn pii_mini(backend: Backend) -> Result<Classifier> {
    let load = async {
        let header = ModelHeader::parse(&[PII_MINI])?;
        let options = LoadOptions { device: backend.into(), ..LoadOptions::default() };
        let mut loader = Loader::open(header, &options).await?;
        loader.write(0, 0, PII_MINI)?;
        Classifier::new(loader.finish().await?)
    };
    pollster::block_on(load).context("the bundled model")
}
