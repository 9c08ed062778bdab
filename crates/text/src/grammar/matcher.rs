//! Which tokens may come next, token by token.
//!
//! The tokens that a set of places allows are found by walking the sorted vocabulary through the automaton, once; then they are
//! remembered. In a string of JSON, say, nearly all tokens are allowed, and the walk is long: so where the places of a set share one
//! frame, tokens are found as though the text were over where the frame begins, which is the same for every string, and from
//! the few tokens that go beyond it, walks go on with what follows there.

use std::rc::Rc;
use std::sync::Arc;

use super::Grammar;
use super::automaton::{Automaton, DEAD};
use super::error::GrammarError;
use super::token_index::TokenIndex;
use crate::Tokenizer;

/// Where in the sorted vocabulary a walk begins.
#[derive(Clone, Copy, Debug)]
struct Beginning {
    /// The first token that begins so.
    token: usize,
    /// Bytes that are taken.
    depth: usize,
    /// Where its further bytes are.
    at: usize,
}

/// The tokens that are allowed somewhere.
#[derive(Debug)]
struct Allowed {
    bits: Box<[u32]>,
    /// Beginnings of tokens at which the text may end; none, where they are many.
    ends: Option<Vec<Beginning>>,
}

/// Beginnings of tokens that are gone on from one by one, at most: a few hundred close a string.
const MAX_ENDS: usize = 4096;

/// A text under a grammar, and what may follow it.
#[derive(Debug)]
pub struct Matcher {
    automaton: Automaton,
    tokens: Arc<TokenIndex>,
    start: u32,
    set: u32,
    /// By set.
    known: Vec<Option<Rc<Allowed>>>,
    mask: Vec<u32>,
    path: Vec<u32>,
}

impl Matcher {
    /// At the beginning of a text of these tokens.
    ///
    /// # Errors
    /// [`GrammarError::TooComplex`].
    pub fn new(grammar: &Grammar, tokens: &Arc<TokenIndex>) -> Result<Matcher, GrammarError> {
        let mut automaton = Automaton::new(grammar.0.clone());
        let set = automaton.start()?;
        let mask = vec![0; tokens.mask_words()];
        let path = vec![DEAD; tokens.longest + 1];
        Ok(Matcher { automaton, tokens: tokens.clone(), start: set, set, known: Vec::new(), mask, path })
    }

    /// Goes back to the beginning. What was learnt of the grammar stays.
    pub fn reset(&mut self) {
        self.set = self.start;
    }

    /// A bit for each id, set where the token may follow: of text, never a control token; and with `ends` those that end a generation,
    /// where the text may end. None is set where it may end and cannot go on otherwise.
    ///
    /// # Errors
    /// [`GrammarError::NoToken`] where it can neither go on nor end, [`GrammarError::TooComplex`] where finding out would take too much.
    pub fn allowed(&mut self, ends: bool) -> Result<&[u32], GrammarError> {
        self.make_room()?;
        let allowed = self.allowed_at(self.set)?;
        self.mask.copy_from_slice(&allowed.bits);
        let may_end = self.automaton.may_end(self.set);
        if may_end && ends {
            self.tokens.eog.iter().for_each(|&id| self.mask[id as usize / 32] |= 1 << (id % 32));
        }
        if !may_end && self.mask.iter().all(|&word| word == 0) {
            return Err(GrammarError::NoToken);
        }
        Ok(&self.mask)
    }

    /// Takes a token; `false`, and nothing has happened, where it may not follow. One that ends a generation changes nothing.
    ///
    /// # Errors
    /// [`GrammarError::TooComplex`].
    pub fn accept(&mut self, tokenizer: &Tokenizer, id: u32) -> Result<bool, GrammarError> {
        if tokenizer.is_eog(id) {
            return Ok(self.may_end());
        }
        if tokenizer.is_special(id) {
            return Ok(false);
        }
        self.accept_bytes(tokenizer.piece(id, false, &mut false))
    }

    /// Takes bytes, as [`Matcher::accept`] those of a token.
    ///
    /// # Errors
    /// [`GrammarError::TooComplex`].
    pub fn accept_bytes(&mut self, bytes: &[u8]) -> Result<bool, GrammarError> {
        self.make_room()?;
        let mut set = self.set;
        for &byte in bytes {
            set = self.automaton.step(set, byte)?;
        }
        if set != DEAD {
            self.set = set;
        }
        Ok(set != DEAD)
    }

    /// What the last step took: places in the grammar that were looked at, and words of memory that are taken.
    pub fn cost(&self) -> (usize, usize) {
        self.automaton.cost()
    }

    /// Whether the text may end here.
    pub fn may_end(&self) -> bool {
        self.automaton.may_end(self.set)
    }

    /// Whether the text may end here and cannot go on.
    pub fn must_end(&self) -> bool {
        self.automaton.must_end(self.set)
    }

    fn make_room(&mut self) -> Result<(), GrammarError> {
        let (set, moved) = self.automaton.make_room(self.set);
        self.set = set;
        if moved {
            self.known.clear();
            self.start = self.automaton.start()?;
        }
        Ok(())
    }

    fn allowed_at(&mut self, set: u32) -> Result<Rc<Allowed>, GrammarError> {
        if let Some(Some(allowed)) = self.known.get(set as usize) {
            return Ok(allowed.clone());
        }
        let by_parts = match self.automaton.only_frame(set) {
            Some(frame) => self.by_parts(set, frame)?,
            None => None,
        };
        let allowed = match by_parts {
            Some(bits) => Allowed { bits, ends: None },
            None => self.walk_all(set)?,
        };
        Ok(self.remember(set, allowed))
    }

    /// What is allowed at `set`, all of whose places have the frame `frame`: what is allowed inside of it, and behind its end.
    fn by_parts(&mut self, set: u32, frame: u32) -> Result<Option<Box<[u32]>>, GrammarError> {
        let alone = self.automaton.alone(set);
        let inside = match self.known.get(alone as usize) {
            Some(Some(inside)) => inside.clone(),
            _ => {
                let inside = self.walk_all(alone)?;
                self.remember(alone, inside)
            }
        };
        let Some(ends) = &inside.ends else { return Ok(None) };
        let after = self.automaton.after(frame)?;
        let mut bits = inside.bits.clone();
        for &beginning in ends.iter().filter(|_| after != DEAD) {
            self.walk(beginning, after, &mut bits, None)?;
        }
        Ok(Some(bits))
    }

    fn remember(&mut self, set: u32, allowed: Allowed) -> Rc<Allowed> {
        let ends = allowed.ends.as_ref().map_or(0, Vec::len);
        self.automaton.took(allowed.bits.len() + 6 * ends);
        let allowed = Rc::new(allowed);
        if self.known.len() <= set as usize {
            self.known.resize(set as usize + 1, None);
        }
        self.known[set as usize] = Some(allowed.clone());
        allowed
    }

    fn walk_all(&mut self, set: u32) -> Result<Allowed, GrammarError> {
        let mut bits = vec![0; self.tokens.mask_words()].into_boxed_slice();
        let mut ends = Vec::new();
        self.walk(Beginning { token: 0, depth: 0, at: 0 }, set, &mut bits, Some(&mut ends))?;
        Ok(Allowed { bits, ends: (ends.len() <= MAX_ENDS).then_some(ends) })
    }

    /// Sets the bits of the tokens that begin as `beginning` says, with `set` where those bytes end, and that can be taken. Tells the
    /// beginnings at which the text may end.
    fn walk(
        &mut self,
        beginning: Beginning,
        set: u32,
        bits: &mut [u32],
        mut ends: Option<&mut Vec<Beginning>>,
    ) -> Result<(), GrammarError> {
        let tokens = self.tokens.clone();
        let TokenIndex { ids, shared, own, bytes, heads, .. } = &*tokens;
        let Beginning { mut token, depth: least, mut at } = beginning;
        let mut depth = least;
        self.path[depth] = set;
        while token < ids.len() {
            // The bytes of this token that the last one did not begin with.
            let end = at + usize::from(shared[token]) + usize::from(own[token]) - depth;
            let mut set = self.path[depth];
            while at < end && set != DEAD {
                set = self.automaton.step(set, bytes[at])?;
                (at, depth) = (at + 1, depth + 1);
                self.path[depth] = set;
                if let Some(ends) = ends.as_deref_mut().filter(|ends| ends.len() <= MAX_ENDS)
                    && self.automaton.may_end(set)
                    && (at < end || shared.get(token + 1).is_some_and(|&shared| usize::from(shared) >= depth))
                {
                    ends.push(Beginning { token, depth, at });
                }
            }
            if set != DEAD {
                let id = ids[token];
                bits[id as usize / 32] |= 1 << (id % 32);
                depth += 1; // the next token may begin with all of this one
            }
            // To the next token that begins with less than what cannot be taken.
            at = end;
            token += 1;
            if set == DEAD && depth == 1 && least == 0 {
                // Nothing begins with this byte.
                let next = heads.partition_point(|&(head, _)| (head as usize) < token);
                let Some(&(head, head_at)) = heads.get(next) else { break };
                (token, at) = (head as usize, head_at as usize);
            }
            while token < ids.len() && usize::from(shared[token]) >= depth {
                at += usize::from(own[token]);
                token += 1;
            }
            match shared.get(token) {
                Some(&shared) if usize::from(shared) >= least => depth = usize::from(shared),
                _ => break,
            }
        }
        Ok(())
    }
}
