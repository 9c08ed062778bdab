//! Choice of the next token from logits.
