//! Finds personal data in text and replaces it so that it can be put back.
//!
//! ```
//! use sotto_pii::{Policy, Preset, Recognisers, Redactor, Vault};
//!
//! let redactor = Redactor::new(Policy::preset(Preset::Gdpr), Recognisers::all())?;
//! let mut vault = Vault::new();
//! let redacted = redactor.redact("Write to ana@example.com or call +34 600 123 456.", &mut vault);
//! assert_eq!(redacted.text, "Write to [EMAIL_1] or call [PHONE_1].");
//! assert_eq!(vault.restore("I wrote to [email 1]."), "I wrote to ana@example.com.");
//! # Ok::<(), sotto_pii::PolicyError>(())
//! ```
//!
//! The way of a text: [`View`] folds away disguises; [`Recognisers`] read it once and propose entities, a model adds
//! its own of its [`Reading`] ([`bioes`] turns tag scores into spans); in `joining` each takes from the other what that knows better, and
//! [`merge`](mod@merge) settles who is right; a [`Policy`] says what
//! becomes of each [`Label`]; the [`Vault`] remembers. [`StreamRedactor`] and [`StreamRestorer`] do the same to text in
//! parts, [`structured`] to JSON, chat messages and CSV, and [`eval`] measures.
//!
//! Offsets are bytes; [`Offsets`] gives UTF-16 units and code points. No error and no `Debug` of this crate shows a text it was given.

mod again;
pub mod bioes;
mod checksum;
mod classifier;
mod context;
mod decided;
mod entity;
pub mod eval;
mod joining;
mod label;
pub mod lone;
mod mac;
pub mod merge;
mod normal;
mod offsets;
mod phrases;
mod pieces;
mod placeholder;
mod policy;
mod reading;
mod recognisers;
mod redactor;
mod restore;
mod stream;
pub mod structured;
mod surrogate;
mod texts;
mod transform;
mod vault;
mod windows;

pub use classifier::{ClassSpan, TokenClassifier, entities, snap};
pub use entity::{By, Entity, Explain, Other};
pub use label::{Group, Label, LabelError};
pub use normal::View;
pub use offsets::Offsets;
pub use pieces::Pieces;
pub use policy::{Action, OperatingPoint, Policy, PolicyError, Preset};
pub use reading::Reading;
pub use recognisers::{Custom, CustomError, Recognisers};
pub use redactor::{Place, Redacted, Redactor, Replaced};
pub use restore::StreamRestorer;
pub use stream::StreamRedactor;
pub use vault::{Entry, Vault, VaultError};
pub use windows::{Window, windows};
