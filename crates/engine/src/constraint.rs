//! Replies that follow a grammar: a matcher beside the reply says which tokens may come next.
//!
//! The vocabulary is sorted once a model, and what a matcher has learnt of a grammar is kept for the next reply that asks for the same.

use std::sync::Arc;

use serde_json::Value;
use sotto_text::grammar::{Grammar, GrammarError, Matcher, TokenIndex};

use crate::{Engine, EngineError, GenerateOptions};

/// What a logit bias may be, as in OpenAI's API.
const BIAS: std::ops::RangeInclusive<f32> = -100.0..=100.0;

/// A matcher, and what it was made of.
#[derive(Debug)]
pub(crate) struct Constraint {
    grammar: Option<String>,
    schema: Option<String>,
    pub matcher: Matcher,
}

/// What a model keeps for its constrained replies.
#[derive(Debug, Default)]
pub(crate) struct Constraints {
    tokens: Option<Arc<TokenIndex>>,
    last: Option<Constraint>,
}

impl Engine {
    /// What a reply is to follow, at its beginning.
    pub(crate) fn constraint(
        &mut self,
        options: &GenerateOptions,
    ) -> Result<Option<Constraint>, EngineError> {
        let GenerateOptions { grammar, json_schema: schema, .. } = options;
        match (grammar, schema) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                return Err(EngineError::Option {
                    name: "grammar",
                    value: "there beside jsonSchema".to_owned(),
                    range: "one of the two".to_owned(),
                });
            }
            _ => {}
        }
        let vocab = self.info().vocab_size;
        let Constraints { tokens, last } = self.constraints();
        if let Some(mut kept) = last.take_if(|kept| kept.grammar == *grammar && kept.schema == *schema) {
            kept.matcher.reset();
            return Ok(Some(kept));
        }
        let parsed = match (grammar, schema) {
            (Some(text), _) => Grammar::from_gbnf(text)?,
            (None, schema) => Grammar::from_json_schema(&parse(schema.as_deref().unwrap_or_default())?)?,
        };
        let tokens = match tokens.clone() {
            Some(tokens) => tokens,
            None => {
                let made = Arc::new(TokenIndex::new(self.tokenizer(), vocab));
                self.constraints().tokens = Some(made.clone());
                made
            }
        };
        let matcher = Matcher::new(&parsed, &tokens)?;
        Ok(Some(Constraint { grammar: grammar.clone(), schema: schema.clone(), matcher }))
    }

    /// Keeps what was learnt, when a reply is over.
    pub(crate) fn keep(&mut self, constraint: Constraint) {
        self.constraints().last = Some(constraint);
    }

    pub(crate) fn check_bias(&self, bias: &[(u32, f32)]) -> Result<(), EngineError> {
        let vocab = self.info().vocab_size;
        match bias.iter().find(|(id, bias)| *id as usize >= vocab || !BIAS.contains(bias)) {
            Some((id, bias)) => Err(EngineError::Option {
                name: "logitBias",
                value: format!("{bias} for token {id}"),
                range: format!("from {} to {}, for tokens below {vocab}", BIAS.start(), BIAS.end()),
            }),
            None => Ok(()),
        }
    }
}

fn parse(text: &str) -> Result<Value, GrammarError> {
    let problem = "it is not JSON, or nested too deep";
    serde_json::from_slice(text.as_bytes())
        .map_err(|_| GrammarError::Schema { path: "#".to_owned(), problem })
}

impl Constraint {
    /// Takes a token of the reply.
    pub fn accept(&mut self, tokenizer: &sotto_text::Tokenizer, id: u32) -> Result<(), GrammarError> {
        if self.matcher.accept(tokenizer, id)? { Ok(()) } else { Err(GrammarError::NoToken) }
    }
}
