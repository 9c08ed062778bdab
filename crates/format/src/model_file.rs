//! A model as its header describes it: one GGUF file, the parts of a split merged, or another container's tensors
//! under GGUF's names.

use crate::recipe::ElementMap;
use crate::{
    BlockType, FormatError, GgufHeader, Matrix, Metadata, Recipe, RowOrder, Span, Storage, TensorInfo,
};
use std::collections::HashMap;

/// Metadata and tensors of a model, over all its files.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ModelFile {
    /// Metadata of the first file.
    pub metadata: Metadata,
    /// Tensors of all files, in order; [`TensorInfo::file`] says which file each is in. A tensor with a
    /// [`ModelFile::recipe`] is in none as it is: its type and length are those of the result.
    pub tensors: Vec<TensorInfo>,
    /// Number of files.
    pub files: usize,
    /// Bytes that each file must have, by its header.
    pub file_bytes: Vec<u64>,
    /// Bytes before the first tensor, over all files.
    pub header_bytes: u64,
    recipes: HashMap<usize, Recipe>,
    index: HashMap<String, usize>,
}

impl ModelFile {
    /// Merges the headers of all parts of a split, in order; one header makes a model of one file.
    ///
    /// Checks `split.no`, `split.count` and `split.tensors.count` where they are there, and that no name comes twice.
    pub fn from_parts(parts: Vec<GgufHeader>) -> Result<ModelFile, FormatError> {
        let files = parts.len();
        let first = parts.first().ok_or(FormatError::NoParts)?;
        let expected = first.metadata.u64_or("split.count", 1)?.max(1);
        if expected != files as u64 {
            return Err(FormatError::SplitCount { expected, given: files });
        }
        let expected_tensors = first.metadata.u64_opt("split.tensors.count")?;

        let mut metadata = Metadata::new();
        let mut tensors = Vec::new();
        let mut file_bytes = Vec::with_capacity(files);
        let header_bytes = parts.iter().map(|part| part.data_offset).sum();
        for (index, part) in parts.into_iter().enumerate() {
            check_part_number(&part.metadata, index, files)?;
            let ends = part.tensors.iter().map(|tensor| tensor.offset + tensor.bytes);
            file_bytes.push(ends.max().unwrap_or(0).max(part.data_offset));
            if index == 0 {
                metadata = part.metadata;
            }
            let file = index as u32;
            tensors.extend(part.tensors.into_iter().map(|tensor| TensorInfo { file, ..tensor }));
        }
        if let Some(expected) = expected_tensors.filter(|expected| *expected != tensors.len() as u64) {
            return Err(FormatError::SplitTensorCount { expected, found: tensors.len() });
        }
        let tensors = tensors.into_iter().map(|tensor| (tensor, None)).collect();
        Self::assembled(metadata, tensors, file_bytes, header_bytes)
    }

    /// A model whose tensors are each in a file as they are, or made by a recipe. `file_bytes` are the files' lengths.
    pub fn assembled(
        metadata: Metadata,
        made: Vec<(TensorInfo, Option<Recipe>)>,
        file_bytes: Vec<u64>,
        header_bytes: u64,
    ) -> Result<ModelFile, FormatError> {
        let (mut tensors, mut recipes) = (Vec::with_capacity(made.len()), HashMap::new());
        for (place, (tensor, recipe)) in made.into_iter().enumerate() {
            tensors.push(tensor);
            recipes.extend(recipe.map(|recipe| (place, recipe)));
        }
        let mut index = HashMap::with_capacity(tensors.len());
        for (place, tensor) in tensors.iter().enumerate() {
            if index.insert(tensor.name.clone(), place).is_some() {
                return Err(FormatError::DuplicateTensor { name: tensor.name.clone() });
            }
        }
        Ok(ModelFile { metadata, tensors, files: file_bytes.len(), file_bytes, header_bytes, recipes, index })
    }

    /// The tensor called `name`.
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.index.get(name).map(|&place| &self.tensors[place])
    }

    /// Has tensor number `place` made as `ty`, whose blocks must fit its rows.
    ///
    /// # Panics
    /// If there is no such tensor.
    pub(crate) fn make_as(&mut self, place: usize, ty: BlockType) {
        let tensor = &mut self.tensors[place];
        let Some(bytes) = ty.byte_len(tensor.elements()).filter(|_| ty != tensor.ty) else { return };
        let cols = tensor.row_len();
        let as_it_is = Matrix {
            rows: tensor.elements() / cols,
            cols,
            storage: Storage::Plain(tensor.ty),
            spans: vec![Span { file: tensor.file, offset: tensor.offset, bytes: tensor.bytes }],
            order: RowOrder::AsStored,
            columns: None,
            map: ElementMap::Same,
        };
        (tensor.ty, tensor.bytes) = (ty, bytes);
        self.recipes.entry(place).or_insert_with(|| Recipe::Stack(vec![as_it_is]));
    }

    /// How the tensor called `name` is made, where no file holds it as it is.
    pub fn recipe(&self, name: &str) -> Option<&Recipe> {
        self.recipes.get(self.index.get(name)?)
    }
}

fn check_part_number(metadata: &Metadata, index: usize, files: usize) -> Result<(), FormatError> {
    let number = match metadata.u64_opt("split.no") {
        Ok(number) => number,
        Err(error) => return Err(FormatError::InPart { index, error: Box::new(error) }),
    };
    match number {
        Some(number) if number != index as u64 => {
            Err(FormatError::SplitOrder { given: index as u64 + 1, found: number.saturating_add(1) })
        }
        None if files > 1 => {
            let error = FormatError::MissingKey { key: "split.no".into() };
            Err(FormatError::InPart { index, error: Box::new(error) })
        }
        _ => Ok(()),
    }
}

/// The names of all parts of a split, given one of them: `x-00001-of-00003.gguf` gives three names.
///
/// `name` may be a path or an address, with a query behind it. `None` when it names no part of a split.
pub fn split_part_names(name: &str) -> Option<Vec<String>> {
    const DIGITS: usize = 5;
    const PATTERN: &str = "-00001-of-00005";
    let path_len = name.find(['?', '#']).unwrap_or(name.len());
    let (path, query) = name.split_at(path_len);
    let stem = path.strip_suffix(".gguf")?;
    let (base, part) = stem.split_at_checked(stem.len().checked_sub(PATTERN.len())?)?;
    let (number, count) = part.strip_prefix('-')?.split_once("-of-")?;
    let parse = |digits: &str| -> Option<u32> {
        let all = digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse().ok().filter(|_| all)
    };
    let (number, count) = (parse(number)?, parse(count)?);
    if number == 0 || number > count {
        return None;
    }
    Some((1..=count).map(|i| format!("{base}-{i:05}-of-{count:05}.gguf{query}")).collect())
}

#[cfg(test)]
mod tests;
