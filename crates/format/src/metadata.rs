//! GGUF metadata: an ordered map from dotted keys to typed values.
//!
//! Arrays are stored by element type, so a vocabulary of 200 000 scores is one `Vec<f32>`. The typed getters say
//! which key is missing or of the wrong type, and widen integers: files differ in the width they store.

use crate::FormatError;
use std::collections::HashMap;

/// A metadata value.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the variants are GGUF's value types")]
pub enum Value {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    String(String),
    Array(Array),
    U64(u64),
    I64(i64),
    F64(f64),
}

/// A metadata array; all elements have one type.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the variants are GGUF's value types")]
pub enum Array {
    U8(Vec<u8>),
    I8(Vec<i8>),
    U16(Vec<u16>),
    I16(Vec<i16>),
    U32(Vec<u32>),
    I32(Vec<i32>),
    F32(Vec<f32>),
    Bool(Vec<bool>),
    String(Vec<String>),
    Array(Vec<Array>),
    U64(Vec<u64>),
    I64(Vec<i64>),
    F64(Vec<f64>),
}

impl Value {
    /// The value as an integer, whatever its width.
    pub fn as_integer(&self) -> Option<i128> {
        Some(match self {
            Value::U8(v) => i128::from(*v),
            Value::I8(v) => i128::from(*v),
            Value::U16(v) => i128::from(*v),
            Value::I16(v) => i128::from(*v),
            Value::U32(v) => i128::from(*v),
            Value::I32(v) => i128::from(*v),
            Value::U64(v) => i128::from(*v),
            Value::I64(v) => i128::from(*v),
            _ => return None,
        })
    }

    /// The name of the value's type, such as `"u32"` or `"array of string"`.
    pub fn type_name(&self) -> String {
        match self {
            Value::Array(array) => format!("array of {}", array.type_name()),
            Value::U8(_) => "u8".into(),
            Value::I8(_) => "i8".into(),
            Value::U16(_) => "u16".into(),
            Value::I16(_) => "i16".into(),
            Value::U32(_) => "u32".into(),
            Value::I32(_) => "i32".into(),
            Value::F32(_) => "f32".into(),
            Value::Bool(_) => "bool".into(),
            Value::String(_) => "string".into(),
            Value::U64(_) => "u64".into(),
            Value::I64(_) => "i64".into(),
            Value::F64(_) => "f64".into(),
        }
    }
}

macro_rules! for_array {
    ($array:expr, $elements:ident => $body:expr) => {
        match $array {
            Array::U8($elements) => $body,
            Array::I8($elements) => $body,
            Array::U16($elements) => $body,
            Array::I16($elements) => $body,
            Array::U32($elements) => $body,
            Array::I32($elements) => $body,
            Array::F32($elements) => $body,
            Array::Bool($elements) => $body,
            Array::String($elements) => $body,
            Array::Array($elements) => $body,
            Array::U64($elements) => $body,
            Array::I64($elements) => $body,
            Array::F64($elements) => $body,
        }
    };
}

impl Array {
    /// Number of elements.
    pub fn len(&self) -> usize {
        for_array!(self, elements => elements.len())
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of the elements' type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Array::U8(_) => "u8",
            Array::I8(_) => "i8",
            Array::U16(_) => "u16",
            Array::I16(_) => "i16",
            Array::U32(_) => "u32",
            Array::I32(_) => "i32",
            Array::F32(_) => "f32",
            Array::Bool(_) => "bool",
            Array::String(_) => "string",
            Array::Array(_) => "array",
            Array::U64(_) => "u64",
            Array::I64(_) => "i64",
            Array::F64(_) => "f64",
        }
    }

    /// The elements as `T`, when they are integers that all fit.
    fn integers<T: TryFrom<i128>>(&self) -> Option<Vec<T>> {
        fn convert<S: Copy + Into<i128>, T: TryFrom<i128>>(elements: &[S]) -> Option<Vec<T>> {
            elements.iter().map(|v| T::try_from((*v).into()).ok()).collect()
        }
        match self {
            Array::U8(v) => convert(v),
            Array::I8(v) => convert(v),
            Array::U16(v) => convert(v),
            Array::I16(v) => convert(v),
            Array::U32(v) => convert(v),
            Array::I32(v) => convert(v),
            Array::U64(v) => convert(v),
            Array::I64(v) => convert(v),
            Array::F32(_) | Array::F64(_) | Array::Bool(_) | Array::String(_) | Array::Array(_) => None,
        }
    }
}

/// Metadata in the order of the file.
///
/// `x(key)` needs the key, `x_opt(key)` gives `None` without it, `x_or(key, default)` the default. All three fail
/// when the key is there with a value of another type. The array getters give `None` for both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    entries: Vec<(String, Value)>,
    index: HashMap<String, usize>,
}

impl Metadata {
    /// No entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key`, in its place if it is there and else at the end. Returns the old value.
    pub fn insert(&mut self, key: impl Into<String>, value: Value) -> Option<Value> {
        let key = key.into();
        if let Some(&at) = self.index.get(&key) {
            return Some(std::mem::replace(&mut self.entries[at].1, value));
        }
        self.index.insert(key.clone(), self.entries.len());
        self.entries.push((key, value));
        None
    }

    /// Removes `key`, keeping the order of the others.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.index.remove(key)?;
        for place in self.index.values_mut().filter(|place| **place > at) {
            *place -= 1;
        }
        Some(self.entries.remove(at).1)
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.index.get(key).map(|&at| &self.entries[at].1)
    }

    /// Keys and values in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// An array of strings, such as `tokenizer.ggml.tokens`.
    pub fn strings(&self, key: &str) -> Option<&[String]> {
        match self.get(key)? {
            Value::Array(Array::String(v)) => Some(v),
            _ => None,
        }
    }

    /// An array of f32, such as `tokenizer.ggml.scores`.
    pub fn f32s(&self, key: &str) -> Option<&[f32]> {
        match self.get(key)? {
            Value::Array(Array::F32(v)) => Some(v),
            _ => None,
        }
    }

    /// An array of i32, such as `tokenizer.ggml.token_type`.
    pub fn i32s(&self, key: &str) -> Option<&[i32]> {
        match self.get(key)? {
            Value::Array(Array::I32(v)) => Some(v),
            _ => None,
        }
    }

    /// An array of integers of any width that all fit u32, such as a head count for each layer.
    pub fn u32s(&self, key: &str) -> Option<Vec<u32>> {
        match self.get(key)? {
            Value::Array(array) => array.integers(),
            _ => None,
        }
    }

    fn integer<T: TryFrom<i128>>(&self, key: &str, expected: &'static str) -> Result<Option<T>, FormatError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let integer = value.as_integer().ok_or_else(|| wrong_type(key, expected, value))?;
        let fits = T::try_from(integer).ok();
        fits.map(Some).ok_or_else(|| FormatError::OutOfRange { key: key.into(), expected, value: integer })
    }
}

fn wrong_type(key: &str, expected: &'static str, found: &Value) -> FormatError {
    FormatError::WrongType { key: key.into(), expected, found: found.type_name() }
}

macro_rules! getters {
    ($($what:literal, $get:ident, $opt:ident, $or:ident, $type:ty, |$self:ident, $key:ident| $body:expr;)*) => {
        impl Metadata {
            $(
                #[doc = concat!("The value of `key`, ", $what, "; an error when it is missing or of another type.")]
                pub fn $get(&self, key: &str) -> Result<$type, FormatError> {
                    self.$opt(key)?.ok_or_else(|| FormatError::MissingKey { key: key.into() })
                }

                #[doc = concat!("The value of `key`, ", $what, ", if it is there; an error when it is of another type.")]
                pub fn $opt(&self, key: &str) -> Result<Option<$type>, FormatError> {
                    let ($self, $key) = (self, key);
                    $body
                }

                #[doc = concat!("The value of `key`, ", $what, ", or `default`; an error when it is of another type.")]
                pub fn $or(&self, key: &str, default: $type) -> Result<$type, FormatError> {
                    Ok(self.$opt(key)?.unwrap_or(default))
                }
            )*
        }
    };
}

getters! {
    "an integer of any width", u32, u32_opt, u32_or, u32, |this, key| this.integer(key, "a 32-bit unsigned integer");
    "an integer of any width", u64, u64_opt, u64_or, u64, |this, key| this.integer(key, "a 64-bit unsigned integer");
    "an f32 or f64", f32, f32_opt, f32_or, f32, |this, key| match this.get(key) {
        None => Ok(None),
        Some(Value::F32(v)) => Ok(Some(*v)),
        Some(Value::F64(v)) => Ok(Some(*v as f32)),
        Some(other) => Err(wrong_type(key, "a floating-point number", other)),
    };
    "a boolean", bool, bool_opt, bool_or, bool, |this, key| match this.get(key) {
        None => Ok(None),
        Some(Value::Bool(v)) => Ok(Some(*v)),
        Some(other) => Err(wrong_type(key, "a boolean", other)),
    };
}

impl Metadata {
    /// The string of `key`; an error when it is missing or of another type.
    pub fn str(&self, key: &str) -> Result<&str, FormatError> {
        self.str_opt(key)?.ok_or_else(|| FormatError::MissingKey { key: key.into() })
    }

    /// The string of `key`, if it is there; an error when it is of another type.
    pub fn str_opt(&self, key: &str) -> Result<Option<&str>, FormatError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(v)) => Ok(Some(v)),
            Some(other) => Err(wrong_type(key, "a string", other)),
        }
    }

    /// The string of `key`, or `default`; an error when it is of another type.
    pub fn str_or<'a>(&'a self, key: &str, default: &'a str) -> Result<&'a str, FormatError> {
        Ok(self.str_opt(key)?.unwrap_or(default))
    }
}

impl FromIterator<(String, Value)> for Metadata {
    /// Later values replace earlier ones of the same key.
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(entries: I) -> Self {
        let mut metadata = Self::new();
        for (key, value) in entries {
            metadata.insert(key, value);
        }
        metadata
    }
}

#[cfg(test)]
mod tests;
