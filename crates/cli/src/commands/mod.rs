//! One file a verb.

pub mod bench;
pub mod classify;
pub mod convert;
pub mod detokenize;
pub mod embed;
pub mod inspect;
pub mod logits;
pub mod redact;
pub mod run;
pub mod tokenize;
