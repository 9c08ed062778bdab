//! The JSON header: read into entries, checked, and placed.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::{Dtype, SafeTensor, SafetensorsError, SafetensorsHeader};
use crate::order::sort_by;

/// One tensor as the JSON has it.
#[derive(serde::Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// The header as the JSON has it, in its order: serde's maps would drop a name that comes twice.
#[derive(Default)]
struct Entries {
    metadata: Vec<(String, String)>,
    tensors: Vec<(String, Entry)>,
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Entries::default();
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        let metadata: std::collections::BTreeMap<String, String> = map.next_value()?;
                        entries.metadata = metadata.into_iter().collect();
                    } else {
                        entries.tensors.push((name, map.next_value()?));
                    }
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// Reads and checks the header whose JSON is `json` and whose data begins at `data_offset`.
pub(super) fn read(
    json: &[u8],
    data_offset: u64,
    file_len: Option<u64>,
) -> Result<SafetensorsHeader, SafetensorsError> {
    let Entries { metadata, tensors: entries } =
        serde_json::from_slice(json).map_err(|e| SafetensorsError::Json { message: e.to_string() })?;
    let mut names = HashSet::with_capacity(entries.len());
    if let Some((name, _)) = entries.iter().find(|(name, _)| !names.insert(name.as_str())) {
        return Err(SafetensorsError::DuplicateTensor { name: name.clone() });
    }
    drop(names);
    let mut tensors =
        entries.into_iter().map(|(name, entry)| tensor(name, entry)).collect::<Result<Vec<_>, _>>()?;
    // Tensors without elements share their place with the one that follows.
    sort_by(&mut tensors, &|a, b| (a.offset, a.bytes).cmp(&(b.offset, b.bytes)));
    let mut end = 0;
    for tensor in &mut tensors {
        if tensor.offset != end {
            let (name, begin) = (tensor.name.clone(), tensor.offset);
            return Err(SafetensorsError::NotContiguous { name, begin, expected: end });
        }
        // `Length` was checked, so this is the entry's own end and does not overflow.
        end += tensor.bytes;
        tensor.offset = match tensor.offset.checked_add(data_offset) {
            Some(offset) if data_offset.checked_add(end).is_some() => offset,
            _ => return Err(SafetensorsError::FileLength { end, file_len: file_len.unwrap_or(u64::MAX) }),
        };
    }
    let end = data_offset + end;
    if let Some(file_len) = file_len.filter(|&len| len != end) {
        return Err(SafetensorsError::FileLength { end, file_len });
    }
    Ok(SafetensorsHeader { metadata, tensors, data_offset, file_bytes: end })
}

/// Checks an entry against itself. The tensor's offset is still relative to the data.
fn tensor(name: String, entry: Entry) -> Result<SafeTensor, SafetensorsError> {
    let Entry { dtype, shape, data_offsets: [begin, end] } = entry;
    let Some(dtype) = Dtype::from_name(&dtype) else {
        return Err(SafetensorsError::UnknownDtype { name, dtype });
    };
    let elements = shape.iter().try_fold(1u64, |product, dim| product.checked_mul(*dim));
    let Some(expected) = elements.and_then(|elements| dtype.byte_len(elements)) else {
        return Err(SafetensorsError::BadShape { name, shape, dtype });
    };
    if end.checked_sub(begin) != Some(expected) {
        return Err(SafetensorsError::Length { name, shape, dtype, expected, begin, end });
    }
    Ok(SafeTensor { name, dtype, shape, offset: begin, bytes: expected })
}
