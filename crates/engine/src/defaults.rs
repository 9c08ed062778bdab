//! How a model's authors would have it sampled: `general.sampling.*` of a GGUF file, which llama.cpp's converter takes from
//! `generation_config.json`.

use serde::Serialize;
use serde_json::Value as Json;
use sotto_format::{Metadata, Value};
use sotto_plan::Sampling;

use crate::GenerateOptions;

const TEMPERATURE: &str = "general.sampling.temp";
const TOP_K: &str = "general.sampling.top_k";
const TOP_P: &str = "general.sampling.top_p";
const MIN_P: &str = "general.sampling.min_p";
const REPETITION_PENALTY: &str = "general.sampling.penalty_repeat";

/// The sampling settings that a model states. See [`Sampling`] for what they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SamplingDefaults {
    /// See [`Sampling::temperature`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// See [`Sampling::top_k`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u32>,
    /// See [`Sampling::top_p`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// See [`Sampling::min_p`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_p: Option<f32>,
    /// See [`Sampling::repetition_penalty`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repetition_penalty: Option<f32>,
}

impl SamplingDefaults {
    /// What the metadata states, as far as it can be meant: what no sampler takes counts as not stated.
    pub(crate) fn read(metadata: &Metadata) -> Self {
        let float = |key, of: fn(f32) -> Sampling| {
            metadata.f32_opt(key).ok().flatten().filter(|&value| of(value).check().is_ok())
        };
        SamplingDefaults {
            temperature: float(TEMPERATURE, |temperature| Sampling { temperature, ..Sampling::default() }),
            top_k: metadata.get(TOP_K).and_then(Value::as_integer).and_then(|k| u32::try_from(k).ok()),
            top_p: float(TOP_P, |top_p| Sampling { top_p, ..Sampling::default() }),
            min_p: float(MIN_P, |min_p| Sampling { min_p, ..Sampling::default() }),
            repetition_penalty: float(REPETITION_PENALTY, |repetition_penalty| Sampling {
                repetition_penalty,
                ..Sampling::default()
            }),
        }
    }

    /// Writes what a `generation_config.json` states under GGUF's names.
    pub(crate) fn write(config: &Json, metadata: &mut Metadata) {
        let numbers = [
            (TEMPERATURE, "temperature"),
            (TOP_P, "top_p"),
            (MIN_P, "min_p"),
            (REPETITION_PENALTY, "repetition_penalty"),
        ];
        for (key, name) in numbers {
            if let Some(number) = config[name].as_f64() {
                metadata.insert(key, Value::F32(number as f32));
            }
        }
        if let Some(k) = config["top_k"].as_i64().and_then(|k| i32::try_from(k).ok()) {
            metadata.insert(TOP_K, Value::I32(k));
        }
        // transformers then always takes the likeliest token, whatever else is stated.
        if config["do_sample"] == Json::Bool(false) {
            metadata.insert(TEMPERATURE, Value::F32(0.0));
        }
    }

    /// The options of a caller who asks for nothing.
    pub fn options(&self) -> GenerateOptions {
        let other = GenerateOptions::default();
        GenerateOptions {
            temperature: self.temperature.unwrap_or(other.temperature),
            top_k: self.top_k.unwrap_or(other.top_k),
            top_p: self.top_p.unwrap_or(other.top_p),
            min_p: self.min_p.unwrap_or(other.min_p),
            repetition_penalty: self.repetition_penalty.unwrap_or(other.repetition_penalty),
            ..other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(config: &Json) -> SamplingDefaults {
        let mut metadata = Metadata::new();
        SamplingDefaults::write(config, &mut metadata);
        SamplingDefaults::read(&metadata)
    }

    #[test]
    fn a_generation_config_says_how_to_sample() {
        let qwen = json!({ "do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": 0.95 });
        let want = SamplingDefaults {
            temperature: Some(0.6),
            top_k: Some(20),
            top_p: Some(0.95),
            ..SamplingDefaults::default()
        };
        assert_eq!(of(&qwen), want);
        assert_eq!(
            want.options(),
            GenerateOptions { temperature: 0.6, top_k: 20, top_p: 0.95, ..Default::default() }
        );
        let greedy = json!({ "do_sample": false, "temperature": 0.6, "repetition_penalty": 1.1 });
        assert_eq!((of(&greedy).temperature, of(&greedy).repetition_penalty), (Some(0.0), Some(1.1)));
    }

    #[test]
    fn what_cannot_be_meant_is_not_stated() {
        let odd =
            json!({ "temperature": -1, "top_k": -5, "top_p": 0, "min_p": 2, "repetition_penalty": "much" });
        assert_eq!(of(&odd), SamplingDefaults::default());
        let other_types = Metadata::from_iter([(TEMPERATURE.to_owned(), Value::String("hot".to_owned()))]);
        assert_eq!(SamplingDefaults::read(&other_types), SamplingDefaults::default());
    }
}
