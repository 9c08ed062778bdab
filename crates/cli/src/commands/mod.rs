//! One file a verb.

pub mod bench;
pub mod convert;
pub mod detokenize;
pub mod inspect;
pub mod logits;
pub mod redact;
pub mod run;
pub mod tokenize;
