//! Ids to text, one at a time. A token may end in the middle of a UTF-8 character; its bytes wait here until
//! the next tokens complete it, so that all the parts put together are the text of all the ids.

use crate::Tokenizer;

/// Decodes a stream of ids. Feed it every id of one text, in order, then [`finish`](Self::finish).
#[derive(Clone, Debug)]
pub struct StreamDecoder {
    skip_special: bool,
    /// Nothing has been decoded yet: a SentencePiece text loses its leading space.
    at_start: bool,
    /// The beginning of a character, at most 3 bytes between calls.
    pending: Vec<u8>,
}

impl StreamDecoder {
    /// `skip_special` leaves control tokens out of the text.
    pub fn new(skip_special: bool) -> Self {
        StreamDecoder { skip_special, at_start: true, pending: Vec::new() }
    }

    /// Goes on from `ids`, a text that has been shown already (a prompt that the model continues): what the
    /// next id adds is what it adds after them.
    pub fn after(tokenizer: &Tokenizer, ids: &[u32], skip_special: bool) -> Self {
        let mut decoder = StreamDecoder::new(skip_special);
        for &id in ids {
            decoder.push(tokenizer, id);
        }
        decoder
    }

    /// Shows the leading space of a SentencePiece text too.
    pub fn with_leading_space(self) -> Self {
        StreamDecoder { at_start: false, ..self }
    }

    /// The text that `id` completes: whole characters, often one token behind, possibly empty. Bytes that can
    /// not begin or continue a character become U+FFFD.
    pub fn push(&mut self, tokenizer: &Tokenizer, id: u32) -> String {
        self.pending.extend_from_slice(tokenizer.piece(id, self.skip_special, &mut self.at_start));
        let mut text = String::new();
        let mut decoded = 0;
        for chunk in self.pending.utf8_chunks() {
            text.push_str(chunk.valid());
            decoded += chunk.valid().len();
            let invalid = chunk.invalid();
            if decoded + invalid.len() == self.pending.len() && is_incomplete(invalid) {
                break;
            }
            if !invalid.is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
                decoded += invalid.len();
            }
        }
        self.pending.drain(..decoded);
        text
    }

    /// The end of the text: U+FFFD if it broke off inside a character. The decoder is then as new.
    pub fn finish(&mut self) -> String {
        let text = String::from_utf8_lossy(&self.pending).into_owned();
        *self = StreamDecoder::new(self.skip_special);
        text
    }
}

/// Whether more bytes could still make a character of these.
fn is_incomplete(bytes: &[u8]) -> bool {
    !bytes.is_empty() && std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}
