//! What can be wrong with a grammar.

/// Why a grammar cannot be used, or not at this step. It tells places and limits, and quotes nothing of a GBNF text; of a JSON Schema it
/// names the path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrammarError {
    /// GBNF that cannot be read.
    #[error("the grammar is wrong at line {line}, column {column}: expected {expected}")]
    Syntax {
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// What could stand there.
        expected: &'static str,
    },
    /// A rule is named that there is none of.
    #[error("the grammar names a rule at line {line}, column {column} that it does not define")]
    Undefined {
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
    },
    /// There is no rule to begin with.
    #[error("the grammar has no rule \"root\", which is the one that a reply follows")]
    NoRoot,
    /// A rule begins with itself, so that reading it would not end.
    #[error(
        "the grammar's rule at line {line}, column {column} begins with itself; write the recursion to the right, or as a repetition"
    )]
    LeftRecursion {
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
    },
    /// The grammar is larger than what is taken.
    #[error("the grammar is too large: {what} {limit} at most; lower its repetitions or take rules out")]
    TooLarge {
        /// Of what there is too much.
        what: &'static str,
        /// How much there may be.
        limit: usize,
    },
    /// There is no text that the grammar is true of.
    #[error(
        "no text is what the grammar says: each way through it meets a part that nothing can be, or never ends"
    )]
    NoText,
    /// A part of a JSON Schema that is wrong or not supported.
    #[error("the JSON schema at {path}: {problem}")]
    Schema {
        /// A JSON pointer, as `#/properties/age`.
        path: String,
        /// What is wrong there.
        problem: &'static str,
    },
    /// A step would take more memory or work than a grammar is given.
    #[error(
        "the grammar can be read in too many ways at this point of the reply; make its rules less ambiguous"
    )]
    TooComplex,
    /// The text cannot go on.
    #[error("no token of the model's vocabulary can follow here under the grammar")]
    NoToken,
}
