//! A text that was changed, and for each of its bytes the bytes of the original that it stands for.

use std::ops::Range;

use unicode_normalization::{
    IsNormalized, UnicodeNormalization, char::canonical_combining_class, is_nfc_quick,
};

/// A changed text with its way back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aligned {
    text: String,
    /// For each byte of `text`.
    origins: Vec<Range<u32>>,
}

impl Aligned {
    /// `text` as it came, which begins at byte `base` of the original.
    pub fn new(text: &str, base: usize) -> Aligned {
        let mut aligned = Aligned::with_capacity(text.len());
        for (at, c) in text.char_indices() {
            let start = (base + at) as u32;
            aligned.push(c, start..start + c.len_utf8() as u32);
        }
        aligned
    }

    pub fn with_capacity(bytes: usize) -> Aligned {
        Aligned { text: String::with_capacity(bytes), origins: Vec::with_capacity(bytes) }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Appends a character that stands for bytes `origin`.
    pub fn push(&mut self, c: char, origin: Range<u32>) {
        self.text.push(c);
        self.origins.resize(self.text.len(), origin);
    }

    /// Appends a text all of which stands for bytes `origin`.
    pub fn push_str(&mut self, text: &str, origin: Range<u32>) {
        self.text.push_str(text);
        self.origins.resize(self.text.len(), origin);
    }

    /// Puts a text in front that stands for the first character, as Hugging Face's tokenizers has it.
    pub fn prepend(&mut self, prefix: &str) {
        let first = self.origins.first().cloned().unwrap_or_default();
        self.text.insert_str(0, prefix);
        self.origins.splice(0..0, std::iter::repeat_n(first, prefix.len()));
    }

    /// Bytes `range` of the text.
    pub fn slice(&self, range: Range<usize>) -> Aligned {
        Aligned { text: self.text[range.clone()].to_owned(), origins: self.origins[range].to_vec() }
    }

    pub fn append(&mut self, mut other: Aligned) {
        self.text.push_str(&other.text);
        self.origins.append(&mut other.origins);
    }

    /// The characters, each with what it stands for.
    pub fn chars(&self) -> impl Iterator<Item = (char, Range<u32>)> {
        self.text.char_indices().map(|(at, c)| (c, self.origins[at].clone()))
    }

    /// The bytes of the original that bytes `range` of the text stand for.
    pub fn origin(&self, range: Range<usize>) -> Range<usize> {
        let range = range.start..range.end.min(self.origins.len());
        match (self.origins.get(range.start), self.origins.get(range).and_then(<[_]>::last)) {
            (Some(first), Some(last)) => first.start as usize..last.end as usize,
            _ => 0..0,
        }
    }

    /// Every character as `map` has it: any number of characters in its place.
    pub fn map<I: IntoIterator<Item = char>>(&self, mut map: impl FnMut(char) -> I) -> Aligned {
        let mut out = Aligned::with_capacity(self.text.len());
        for (c, origin) in self.chars() {
            map(c).into_iter().for_each(|c| out.push(c, origin.clone()));
        }
        out
    }

    /// Every match of `pattern` replaced by `content`, which stands for the match's last character.
    pub fn replace(&self, pattern: &regex::Regex, content: &str) -> Aligned {
        let mut out = Aligned::with_capacity(self.text.len());
        let mut at = 0;
        for found in pattern.find_iter(&self.text) {
            out.append(self.slice(at..found.start()));
            let last = found.end().checked_sub(1).and_then(|last| self.origins.get(last));
            out.push_str(content, last.cloned().unwrap_or_default());
            at = found.end();
        }
        out.append(self.slice(at..self.text.len()));
        out
    }

    /// Unicode's canonical or compatibility composition or decomposition.
    pub fn normalize(self, form: Form) -> Aligned {
        if self.text.is_ascii() || (form == Form::Nfc && is_nfc_quick(self.text.chars()) == IsNormalized::Yes)
        {
            return self;
        }
        let mut out = Aligned::with_capacity(self.text.len());
        let chars: Vec<(char, Range<u32>)> = self.chars().collect();
        let mut start = 0;
        while start < chars.len() {
            // Up to the next character that neither moves nor joins what is before it.
            let length = chars[start + 1..].iter().take_while(|(c, _)| !begins(*c)).count() + 1;
            let run = &chars[start..start + length];
            form.push(run, &mut out);
            start += length;
        }
        out
    }
}

/// Whether nothing before `c` changes with it.
fn begins(c: char) -> bool {
    canonical_combining_class(c) == 0 && is_nfc_quick(std::iter::once(c)) != IsNormalized::Maybe
}

/// A normalisation form of Unicode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Nfc,
    Nfd,
    Nfkc,
    Nfkd,
}

impl Form {
    /// Normalises characters that nothing joins from outside.
    fn push(self, run: &[(char, Range<u32>)], out: &mut Aligned) {
        let chars = run.iter().map(|(c, _)| *c);
        if let (Form::Nfd | Form::Nfkd, [(c, origin)]) = (self, run) {
            let parts: Vec<char> = match self {
                Form::Nfd => std::iter::once(*c).nfd().collect(),
                _ => std::iter::once(*c).nfkd().collect(),
            };
            parts.into_iter().for_each(|part| out.push(part, origin.clone()));
            return;
        }
        let normalized: Vec<char> = match self {
            Form::Nfc => chars.nfc().collect(),
            Form::Nfd => chars.nfd().collect(),
            Form::Nfkc => chars.nfkc().collect(),
            Form::Nfkd => chars.nfkd().collect(),
        };
        // Hugging Face's tokenizers takes a composed character for the first of what it is made of, and the characters
        // that are gone for those behind it.
        let gone = run.len().saturating_sub(normalized.len());
        for (index, c) in normalized.into_iter().enumerate() {
            let from = if index == 0 { 0 } else { index + gone };
            let (_, origin) = &run[from.min(run.len() - 1)];
            out.push(c, origin.clone());
        }
    }
}
