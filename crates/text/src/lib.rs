//! Text in, text out: everything between a person's words and a model's token ids that needs no device.
//!
//! - [`Tokenizer`]: text to ids and back, from a GGUF vocabulary ([`GgufVocab`]) or a `tokenizer.json`.
//! - [`StreamDecoder`]: ids to text one at a time, never half a character.
//! - [`StopStrings`]: stop strings across token boundaries.
//! - [`ChatTemplate`]: messages to a prompt, as Hugging Face renders them.
//! - [`sampling`]: logits to the next id, on the CPU.
//! - [`grammar`]: which ids may come next, where a reply is to follow GBNF or a JSON Schema.
//!
//! Nothing here reads a file, a clock or a random source: bytes, dates and seeds are given by the caller,
//! so it runs in WebAssembly as it does natively.

pub mod chat;
pub mod grammar;
pub mod sampling;
mod stop;
mod stream;
pub mod tokenizer;

pub use chat::{ChatError, ChatInput, ChatTemplate, LocalTime};
pub use stop::{StopOutput, StopStrings};
pub use stream::StreamDecoder;
pub use tokenizer::{GgufVocab, Tokenizer, TokenizerError, VocabDifference};
