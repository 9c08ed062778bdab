//! The tensors of all shards by the module that they belong to: `layers.0.mlp.up_proj` has a `weight`, perhaps a
//! `bias`, and when it is quantised what its quantiser keeps beside them.

use std::collections::BTreeMap;

use sotto_format::{Dtype, SafeTensor, SafetensorsHeader, Span};

use super::HfError;

/// Last parts of tensor names, longest first; the rest of the name is the module's.
const LEAVES: &[&str] = &[
    "weight.quant_state.bitsandbytes__nf4",
    "weight.quant_state.bitsandbytes__fp4",
    "weight.nested_quant_map",
    "weight.nested_absmax",
    "weight.quant_map",
    "weight.absmax",
    "weight",
    "bias",
    "scales",
    "biases",
    "qweight",
    "qzeros",
    "g_idx",
];

/// A tensor and the file it is in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    pub file: u32,
    pub tensor: &'a SafeTensor,
}

impl Found<'_> {
    pub fn span(&self) -> Span {
        Span { file: self.file, offset: self.tensor.offset, bytes: self.tensor.bytes }
    }

    /// An error unless the tensor has this shape.
    pub fn expect_shape(&self, shape: &[u64]) -> Result<(), HfError> {
        if self.tensor.shape == shape {
            return Ok(());
        }
        let (name, found) = (self.tensor.name.clone(), self.tensor.shape.clone());
        Err(HfError::Shape { name, shape: found, expected: format!("{shape:?}") })
    }

    /// An error unless the tensor's elements are of one of these types.
    pub fn expect_dtype(&self, dtypes: &[Dtype], expected: &'static str) -> Result<(), HfError> {
        if dtypes.contains(&self.tensor.dtype) {
            return Ok(());
        }
        Err(HfError::Dtype { name: self.tensor.name.clone(), dtype: self.tensor.dtype.name(), expected })
    }
}

/// The tensors of a module by the last part of their names; "" for a tensor that is its own module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Module<'a> {
    pub leaves: BTreeMap<&'static str, Found<'a>>,
}

impl<'a> Module<'a> {
    pub fn get(&self, leaf: &str) -> Option<Found<'a>> {
        self.leaves.get(leaf).copied()
    }

    /// The tensor `leaf` of the module called `name`.
    pub fn need(&self, name: &str, leaf: &'static str, why: &str) -> Result<Found<'a>, HfError> {
        self.get(leaf).ok_or_else(|| HfError::MissingTensor {
            name: if leaf.is_empty() { name.to_owned() } else { format!("{name}.{leaf}") },
            why: why.to_owned(),
        })
    }

    /// Any tensor's name, for messages.
    pub fn any_name(&self) -> String {
        self.leaves.values().next().map(|found| found.tensor.name.clone()).unwrap_or_default()
    }
}

/// All modules by name, as the files have it.
pub(crate) fn modules(shards: &[SafetensorsHeader]) -> Result<BTreeMap<String, Module<'_>>, HfError> {
    let mut modules: BTreeMap<String, Module<'_>> = BTreeMap::new();
    for (file, shard) in (0..).zip(shards) {
        for tensor in &shard.tensors {
            let (module, leaf) = split(&tensor.name);
            let leaves = &mut modules.entry(module.to_owned()).or_default().leaves;
            if leaves.insert(leaf, Found { file, tensor }).is_some() {
                return Err(HfError::DuplicateTensor { name: tensor.name.clone() });
            }
        }
    }
    Ok(modules)
}

fn split(name: &str) -> (&str, &'static str) {
    LEAVES
        .iter()
        .find_map(|leaf| Some((name.strip_suffix(leaf)?.strip_suffix('.')?, *leaf)))
        .unwrap_or((name, ""))
}
