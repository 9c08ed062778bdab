//! Typed access to the metadata of one architecture, whose keys begin with its name.

use sotto_format::{Array, Metadata, ModelFile, Value};

use crate::ModelError;

/// Reads `<architecture>.<key>`, named as in ggml's docs/gguf.md.
#[derive(Clone, Copy)]
pub(crate) struct Keys<'a> {
    architecture: &'a str,
    metadata: &'a Metadata,
}

/// Above every published model, and low enough that products of two sizes fit 32 bits each way.
const LARGEST_SIZE: u64 = 1 << 24;

impl<'a> Keys<'a> {
    pub fn new(architecture: &'a str, file: &'a ModelFile) -> Self {
        Keys { architecture, metadata: &file.metadata }
    }

    /// The key's full name.
    pub fn name(&self, key: &str) -> String {
        format!("{}.{key}", self.architecture)
    }

    pub fn has(&self, key: &str) -> bool {
        self.metadata.get(&self.name(key)).is_some()
    }

    /// A size that must be there, at least 1.
    pub fn size(&self, key: &str) -> Result<usize, ModelError> {
        bounded(self.name(key), self.metadata.u32(&self.name(key))?.into())
    }

    pub fn size_or(&self, key: &str, default: usize) -> Result<usize, ModelError> {
        if self.has(key) { self.size(key) } else { bounded(self.name(key), default as u64) }
    }

    pub fn f32(&self, key: &str) -> Result<f32, ModelError> {
        let value = self.metadata.f32(&self.name(key))?;
        self.finite(key, value)
    }

    pub fn f32_or(&self, key: &str, default: f32) -> Result<f32, ModelError> {
        Ok(self.f32_opt(key)?.unwrap_or(default))
    }

    pub fn f32_opt(&self, key: &str) -> Result<Option<f32>, ModelError> {
        self.has(key).then(|| self.f32(key)).transpose()
    }

    /// A number above 0 that must be there: a divisor, a factor or a cap.
    pub fn positive(&self, key: &str) -> Result<f32, ModelError> {
        let value = self.f32(key)?;
        if value > 0.0 {
            return Ok(value);
        }
        Err(self.unsupported(key, value.to_string(), "finite numbers above 0"))
    }

    /// The sliding window of attention; files say that there is none with 0, too.
    pub fn window(&self) -> Result<Option<u32>, ModelError> {
        let window = self.metadata.u32_or(&self.name("attention.sliding_window"), 0)?;
        Ok(Some(window).filter(|&window| window > 0))
    }

    /// The sliding window of each of `n_layers` layers: of all, or of those that a pattern marks.
    pub fn windows(&self, n_layers: usize) -> Result<Vec<Option<u32>>, ModelError> {
        let window = self.window()?;
        let marked = self.pattern("attention.sliding_window_pattern", n_layers, n_layers + 1)?;
        Ok(marked.into_iter().map(|marked| window.filter(|_| marked)).collect())
    }

    pub fn str_or(&self, key: &str, default: &'a str) -> Result<&'a str, ModelError> {
        Ok(self.metadata.str_or(&self.name(key), default)?)
    }

    pub fn u32_or(&self, key: &str, default: u32) -> Result<u32, ModelError> {
        Ok(self.metadata.u32_or(&self.name(key), default)?)
    }

    pub fn flag_or(&self, key: &str, default: bool) -> Result<bool, ModelError> {
        Ok(self.metadata.bool_or(&self.name(key), default)?)
    }

    /// A list of texts that is not empty.
    pub fn strings(&self, key: &str) -> Option<&'a [String]> {
        self.metadata.strings(&self.name(key)).filter(|list| !list.is_empty())
    }

    /// A number for each of `n_layers` layers: one for all, or an array. 0 is allowed in arrays.
    pub fn per_layer(
        &self,
        key: &str,
        n_layers: usize,
        default: Option<usize>,
    ) -> Result<Vec<usize>, ModelError> {
        let name = self.name(key);
        let Some(Value::Array(_)) = self.metadata.get(&name) else {
            let one = match default {
                Some(default) => self.size_or(key, default)?,
                None => self.size(key)?,
            };
            return Ok(vec![one; n_layers]);
        };
        let values = self.metadata.u32s(&name).unwrap_or_default();
        if values.len() != n_layers {
            return Err(ModelError::LayerCount { key: name, values: values.len(), layers: n_layers });
        }
        let one = |&value: &u32| if value == 0 { Ok(0) } else { bounded(name.clone(), value.into()) };
        values.iter().map(one).collect()
    }

    /// Which of `n_layers` layers a key marks: an array of booleans, or a period of which all but the last are marked.
    pub fn pattern(
        &self,
        key: &str,
        n_layers: usize,
        default_period: usize,
    ) -> Result<Vec<bool>, ModelError> {
        let name = self.name(key);
        if let Some(Value::Array(Array::Bool(marks))) = self.metadata.get(&name) {
            if marks.len() != n_layers {
                return Err(ModelError::LayerCount { key: name, values: marks.len(), layers: n_layers });
            }
            return Ok(marks.clone());
        }
        if let Some(Value::Array(_)) = self.metadata.get(&name) {
            return Ok(self.per_layer(key, n_layers, None)?.iter().map(|&mark| mark != 0).collect());
        }
        let period = self.size_or(key, default_period)?;
        Ok((0..n_layers).map(|layer| layer % period + 1 < period).collect())
    }

    /// The first `n_layers` of an array of booleans, which may be longer.
    pub fn pattern_of_first(&self, key: &str, n_layers: usize) -> Result<Vec<bool>, ModelError> {
        match self.metadata.get(&self.name(key)) {
            Some(Value::Array(Array::Bool(marks))) if marks.len() >= n_layers => {
                Ok(marks[..n_layers].to_vec())
            }
            _ => self.pattern(key, n_layers, n_layers + 1),
        }
    }

    /// As [`Keys::pattern`], a period marking all but the first.
    pub fn pattern_after_first(
        &self,
        key: &str,
        n_layers: usize,
        default_period: usize,
    ) -> Result<Vec<bool>, ModelError> {
        if let Some(Value::Array(_)) = self.metadata.get(&self.name(key)) {
            return self.pattern(key, n_layers, default_period);
        }
        let period = self.size_or(key, default_period)?;
        Ok((0..n_layers).map(|layer| layer % period > 0).collect())
    }

    pub fn unsupported(&self, key: &str, value: String, supported: &'static str) -> ModelError {
        ModelError::UnsupportedSetting { key: self.name(key), value, supported }
    }

    fn finite(&self, key: &str, value: f32) -> Result<f32, ModelError> {
        if value.is_finite() {
            return Ok(value);
        }
        Err(self.unsupported(key, value.to_string(), "finite numbers"))
    }
}

/// `value` as a size, when it is one that a model can have.
pub(crate) fn bounded(key: String, value: u64) -> Result<usize, ModelError> {
    if (1..=LARGEST_SIZE).contains(&value) {
        Ok(value as usize)
    } else {
        Err(ModelError::Hyperparameter { key, value, range: "at least 1 and at most 16777216" })
    }
}
