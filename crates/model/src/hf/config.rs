//! `config.json`, read by name and type. A fault names the key and what was there.

use serde_json::{Map, Value};

use super::HfError;

/// The settings of a text model: those of `text_config` where a model that also sees or hears keeps them there.
#[derive(Clone, Debug)]
pub struct Config {
    fields: Map<String, Value>,
    /// Where `fields` stand in the file, for messages.
    path: &'static str,
    /// Settings of the whole, which `text_config` does not repeat.
    outer: Map<String, Value>,
}

impl Config {
    /// Parses the file.
    pub fn parse(json: &[u8]) -> Result<Config, HfError> {
        let parsed: Value = serde_json::from_slice(json)
            .map_err(|e| HfError::Json { file: "config.json", message: e.to_string() })?;
        let Value::Object(mut outer) = parsed else {
            return Err(HfError::Json { file: "config.json", message: "it is not an object".to_owned() });
        };
        match outer.remove("text_config") {
            Some(Value::Object(fields)) => Ok(Config { fields, path: "text_config.", outer }),
            _ => Ok(Config { fields: outer.clone(), path: "", outer }),
        }
    }

    /// The settings under `key`, as a config of their own.
    pub fn section(&self, key: &'static str, path: &'static str) -> Option<Config> {
        match self.get(key)? {
            Value::Object(fields) => Some(Config { fields: fields.clone(), path, outer: Map::new() }),
            _ => None,
        }
    }

    /// The settings under `key`, empty when there are none.
    pub fn subsection(&self, key: &str) -> Config {
        let fields = self.get(key).and_then(Value::as_object).cloned().unwrap_or_default();
        Config { fields, path: "a module's ", outer: Map::new() }
    }

    /// The value of `key`; JSON's null is no value.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.fields.get(key).or_else(|| self.outer.get(key)).filter(|value| !value.is_null())
    }

    /// The name of `key` in messages.
    pub fn name(&self, key: &str) -> String {
        format!("config.json: {}{key}", self.path)
    }

    fn wrong(&self, key: &str, expected: &'static str, found: &Value) -> HfError {
        let mut found = found.to_string();
        if let Some((cut, _)) = found.char_indices().nth(80) {
            found.truncate(cut);
        }
        HfError::Setting { key: self.name(key), value: found, expected }
    }

    /// A size, if it is there.
    pub fn size_opt(&self, key: &str) -> Result<Option<u32>, HfError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let size = value.as_u64().and_then(|n| u32::try_from(n).ok());
        size.map(Some).ok_or_else(|| self.wrong(key, "a whole number from 0 to 4294967295", value))
    }

    /// A size.
    pub fn size(&self, key: &str) -> Result<u32, HfError> {
        self.size_opt(key)?.ok_or_else(|| HfError::MissingSetting { key: self.name(key) })
    }

    /// A number, if it is there.
    pub fn number_opt(&self, key: &str) -> Result<Option<f32>, HfError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let number = value.as_f64().map(|n| n as f32).filter(|n| n.is_finite());
        number.map(Some).ok_or_else(|| self.wrong(key, "a number", value))
    }

    /// A number.
    pub fn number(&self, key: &str) -> Result<f32, HfError> {
        self.number_opt(key)?.ok_or_else(|| HfError::MissingSetting { key: self.name(key) })
    }

    /// A yes or no, if it is there.
    pub fn flag_opt(&self, key: &str) -> Result<Option<bool>, HfError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| self.wrong(key, "true or false", value))
    }

    /// A text, if it is there.
    pub fn text_opt(&self, key: &str) -> Result<Option<&str>, HfError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| self.wrong(key, "a text", value))
    }

    /// A list of numbers, if it is there.
    pub fn numbers_opt(&self, key: &str) -> Result<Option<Vec<f32>>, HfError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let numbers = value
            .as_array()
            .and_then(|list| list.iter().map(|n| n.as_f64().map(|n| n as f32)).collect::<Option<Vec<f32>>>());
        numbers.map(Some).ok_or_else(|| self.wrong(key, "a list of numbers", value))
    }

    /// A list of texts, if it is there.
    pub fn texts_opt(&self, key: &str) -> Result<Option<Vec<&str>>, HfError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let texts = value.as_array().and_then(|list| list.iter().map(Value::as_str).collect());
        texts.map(Some).ok_or_else(|| self.wrong(key, "a list of texts", value))
    }

    /// Refuses a value of `key` that is not supported.
    pub fn require(&self, key: &str, supported: bool, expected: &'static str) -> Result<(), HfError> {
        match self.get(key) {
            Some(value) if !supported => Err(self.wrong(key, expected, value)),
            _ => Ok(()),
        }
    }
}
