//! `model.safetensors.index.json`: which shard holds each tensor.

use std::collections::{BTreeMap, HashMap};

use super::{SafetensorsError, SafetensorsHeader};
use crate::order::sort_by;

/// The largest published models have a few hundred shards.
const MAX_SHARDS: usize = 4096;

/// The shards of a model and the tensors that each is said to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardIndex {
    /// File names, sorted.
    pub files: Vec<String>,
    /// Tensor name to the position of its file in `files`.
    tensors: BTreeMap<String, usize>,
}

#[derive(serde::Deserialize)]
struct Json {
    weight_map: BTreeMap<String, String>,
}

impl ShardIndex {
    /// Reads an index. Files must be plain names, so that none lies outside the model's folder.
    pub fn parse(json: &[u8]) -> Result<ShardIndex, SafetensorsError> {
        let Json { weight_map } =
            serde_json::from_slice(json).map_err(|e| SafetensorsError::Index { message: e.to_string() })?;
        let mut files: Vec<String> = weight_map.values().cloned().collect();
        sort_by(&mut files, &String::cmp);
        files.dedup();
        if let Some(file) = files.iter().find(|file| !is_plain_name(file)) {
            return Err(SafetensorsError::ShardName { file: file.clone() });
        }
        if files.is_empty() {
            return Err(SafetensorsError::Index { message: "weight_map is empty".to_owned() });
        }
        if files.len() > MAX_SHARDS {
            return Err(SafetensorsError::TooManyShards { files: files.len(), limit: MAX_SHARDS });
        }
        let place = |file: String| files.binary_search(&file).unwrap_or_default();
        let tensors = weight_map.into_iter().map(|(tensor, file)| (tensor, place(file))).collect();
        Ok(ShardIndex { files, tensors })
    }

    /// Checks that the shards hold what the index says, and nothing else. `headers` are those of
    /// [`ShardIndex::files`], in order.
    pub fn check(&self, headers: &[SafetensorsHeader]) -> Result<(), SafetensorsError> {
        let file = |place: usize| self.files.get(place).cloned().unwrap_or_default();
        let mut holder: HashMap<&str, usize> = HashMap::new();
        for (place, header) in headers.iter().enumerate() {
            for tensor in header.tensors.iter().map(|tensor| tensor.name.as_str()) {
                if let Some(before) = holder.insert(tensor, place) {
                    let (first, second) = (file(before), file(place));
                    return Err(SafetensorsError::InTwoShards { tensor: tensor.to_owned(), first, second });
                }
                if self.tensors.get(tensor) != Some(&place) {
                    return Err(SafetensorsError::NotInIndex {
                        tensor: tensor.to_owned(),
                        file: file(place),
                    });
                }
            }
        }
        match self.tensors.iter().find(|(tensor, _)| !holder.contains_key(tensor.as_str())) {
            None => Ok(()),
            Some((tensor, &place)) => {
                Err(SafetensorsError::NotInShard { tensor: tensor.clone(), file: file(place) })
            }
        }
    }
}

fn is_plain_name(file: &str) -> bool {
    file.len() <= 255
        && file.ends_with(".safetensors")
        && !file.starts_with('.')
        && !file.chars().any(|c| c.is_control() || matches!(c, '/' | '\\' | ':' | '%' | '?' | '#'))
}
