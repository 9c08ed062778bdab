//! The result of encoding: ids, and where in the text each came from.

use std::ops::Range;

/// The ids of a text, and the bytes of the text that each stands for.
///
/// A token that stands for no byte of the text (BOS, the space that SentencePiece puts in front) has an empty span. The
/// tokens that a character without a token of its own falls apart into have the character's span each. A normaliser
/// (lower case, accents) changes what tokens say, never where they point.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoding {
    /// Token ids.
    pub ids: Vec<u32>,
    /// For each id, a range of bytes of the text, on character boundaries but for byte-level BPE, whose tokens may
    /// begin or end inside a character.
    pub spans: Vec<Range<usize>>,
}

/// What algorithms write tokens to. Spans are kept only where they are wanted.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub ids: Vec<u32>,
    spans: Option<Vec<Range<usize>>>,
    /// Where in the text the fragment begins that spans are told within.
    base: usize,
}

impl Output {
    pub fn new(with_spans: bool, capacity: usize) -> Self {
        let spans = with_spans.then(|| Vec::with_capacity(capacity));
        Output { ids: Vec::with_capacity(capacity), spans, base: 0 }
    }

    /// Spans are told from byte `base` of the text on.
    pub fn set_base(&mut self, base: usize) {
        self.base = base;
    }

    /// Whether spans are kept, so that an algorithm need not find them otherwise.
    pub fn wants_spans(&self) -> bool {
        self.spans.is_some()
    }

    pub fn push(&mut self, id: u32, span: Range<usize>) {
        self.ids.push(id);
        if let Some(spans) = &mut self.spans {
            spans.push(self.base + span.start..self.base + span.end);
        }
    }

    /// Takes tokens back, down to the first `len`.
    pub fn truncate(&mut self, len: usize) {
        self.ids.truncate(len);
        if let Some(spans) = &mut self.spans {
            spans.truncate(len);
        }
    }

    /// Makes the last token stand for what ends at `end`, too.
    pub fn extend_last(&mut self, end: usize) {
        if let Some(last) = self.spans.as_mut().and_then(|spans| spans.last_mut()) {
            last.end = self.base + end;
        }
    }

    pub fn finish(self) -> Encoding {
        Encoding { ids: self.ids, spans: self.spans.unwrap_or_default() }
    }
}

/// The byte of `whole` at which `part`, a slice of it, begins.
pub(crate) fn offset_in(part: &str, whole: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize)
}
