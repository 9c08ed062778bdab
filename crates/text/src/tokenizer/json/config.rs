//! `tokenizer_config.json`, beside `tokenizer.json`.

use serde_json::Value;

use crate::tokenizer::TokenizerError;

/// What Sotto reads from `tokenizer_config.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenizerConfig {
    /// Begins a text.
    pub bos_token: Option<String>,
    /// Ends a text.
    pub eos_token: Option<String>,
    /// Stands for what has no token.
    pub unk_token: Option<String>,
    /// Chat templates by name; the usual one is "default".
    pub chat_templates: Vec<(String, String)>,
}

impl TokenizerConfig {
    /// Reads a `tokenizer_config.json`.
    pub fn parse(json: &[u8]) -> Result<Self, TokenizerError> {
        let json: Value = serde_json::from_slice(json)
            .map_err(|e| TokenizerError::Json(format!("tokenizer_config.json: {e}")))?;
        let token = |key: &str| {
            let value = json.get(key)?;
            value.as_str().or_else(|| value.get("content")?.as_str()).map(str::to_owned)
        };
        let chat_templates = match json.get("chat_template") {
            Some(Value::String(template)) => vec![("default".to_owned(), template.clone())],
            Some(Value::Array(named)) => {
                let pair = |one: &Value| {
                    Some((one.get("name")?.as_str()?.to_owned(), one.get("template")?.as_str()?.to_owned()))
                };
                named.iter().filter_map(pair).collect()
            }
            _ => Vec::new(),
        };
        Ok(TokenizerConfig {
            bos_token: token("bos_token"),
            eos_token: token("eos_token"),
            unk_token: token("unk_token"),
            chat_templates,
        })
    }
}
