//! One file a verb.

pub mod bench;
pub mod classify;
pub mod convert;
pub mod detokenize;
pub mod embed;
pub mod eval;
pub mod inspect;
pub mod logits;
pub mod redact;
pub mod run;
pub mod tokenize;

use sotto_engine::format::BlockType;
use sotto_engine::synthetic::{SHAPES, Shape};

/// A shape by its name.
fn shape(name: &str) -> Result<Shape, String> {
    let known = || SHAPES.iter().map(|s| s.name).collect::<Vec<_>>().join(", ");
    Shape::named(name).ok_or_else(|| format!("not a shape; those are {}", known()))
}

/// A type that weights can be converted to.
fn block_type(name: &str) -> Result<BlockType, String> {
    let known =
        || BlockType::ALL.iter().filter(|ty| ty.can_quantize()).map(|ty| ty.name()).collect::<Vec<_>>();
    BlockType::from_name(&name.to_uppercase()).filter(|ty| ty.can_quantize()).ok_or_else(|| {
        format!("not a type that weights can be converted to; those are {}", known().join(", "))
    })
}

/// A count that may not be 0.
fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| "not a whole number above 0".to_owned())
}
