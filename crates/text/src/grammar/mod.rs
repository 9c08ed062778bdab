//! Grammars: which tokens a reply may have next.
//!
//! A [`Grammar`] is read from GBNF, as llama.cpp writes it (`grammars/README.md` there), or made of a JSON Schema. Either becomes rules
//! over code points (`rules.rs`), and those a program of states over bytes (`program.rs`), which a pushdown automaton
//! runs (`automaton.rs`). A [`Matcher`] walks the vocabulary, sorted by its bytes ([`TokenIndex`]), through that automaton: a
//! token is allowed when the automaton takes all of its bytes, so it may end inside a character, and the next one goes on there.
//!
//! What a stranger's grammar costs is bounded: its size when it is read, and memory and work at each step.

mod automaton;
mod error;
mod gbnf;
mod matcher;
mod program;
mod rules;
mod schema;
mod token_index;
mod utf8;

pub use error::GrammarError;
pub use matcher::Matcher;
pub use token_index::TokenIndex;

use std::sync::Arc;

use program::Program;

/// What a text may be.
#[derive(Clone, Debug)]
pub struct Grammar(Arc<Program>);

impl Grammar {
    /// From GBNF; a text is what the rule `root` says.
    ///
    /// # Errors
    /// [`GrammarError`], by line and column; it never quotes the grammar. [`GrammarError::NoText`], where no text is what it says.
    pub fn from_gbnf(text: &str) -> Result<Grammar, GrammarError> {
        let (rules, root) = gbnf::parse(text)?;
        Ok(Grammar(Arc::new(Program::new(&rules, root, text)?)))
    }

    /// From a JSON Schema: JSON that it is true of. See `schema` for what it may say.
    ///
    /// # Errors
    /// [`GrammarError::Schema`] names the path of what is not supported. [`GrammarError::NoText`], where no JSON is as it says.
    pub fn from_json_schema(schema: &serde_json::Value) -> Result<Grammar, GrammarError> {
        let (rules, root) = schema::rules(schema)?;
        Ok(Grammar(Arc::new(Program::new(&rules, root, "")?)))
    }

    /// What it takes of memory: its states, and the ways to go on at them.
    pub fn size(&self) -> usize {
        self.0.size()
    }
}
