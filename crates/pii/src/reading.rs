//! A text as a token classifier reads it best. Models learn from text as it is usually written, so disguises are folded away
//! ([`View`]), and where all is in capitals words get the case that they would have had in a sentence: `NOTICE TO YASMIN KHAN`
//! is read as `notice to Yasmin Khan`.

use std::borrow::Cow;
use std::ops::Range;

use crate::recognisers::{is_no_name, is_unknown};
use crate::{ClassSpan, View};

/// Words in capitals in a row that make a passage, and how many of them have to be long.
const PASSAGE: (usize, usize) = (3, 2);

/// Letters of a long word: acronyms in a row are no passage.
const LONG: usize = 5;

/// Letters of a word that is left as it stands, for it may be an acronym.
const ACRONYM: usize = 3;

/// A text for a model, and the way back to offsets in the original.
pub struct Reading<'t> {
    view: View<'t>,
    cased: Option<String>,
}

impl<'t> Reading<'t> {
    /// Reads `text`: one pass, and no allocation when nothing has to change.
    pub fn new(text: &'t str) -> Self {
        let view = View::new(text);
        let cased = cased(view.text());
        Reading { view, cased }
    }

    /// What to give the model.
    pub fn text(&self) -> &str {
        self.cased.as_deref().unwrap_or(self.view.text())
    }

    /// What a model found in [`Reading::text`], where it stands in the original.
    pub fn back(&self, spans: Vec<ClassSpan>) -> Vec<ClassSpan> {
        let place = |span: ClassSpan| {
            let (start, end) = self.view.original(span.start, span.end);
            ClassSpan { start, end, ..span }
        };
        spans.into_iter().map(place).collect()
    }
}

/// `text` with its passages in capitals in usual case, each character as long as it was; `None` where it has none.
fn cased(text: &str) -> Option<String> {
    let (mut out, mut copied) = (String::new(), 0);
    let mut passage: Vec<Range<usize>> = Vec::new();
    for word in words(text).chain(std::iter::once(text.len()..text.len())) {
        let letters = &text[word.clone()];
        if !word.is_empty() && !letters.contains(char::is_lowercase) {
            passage.push(word);
            continue;
        }
        let long = |word: &&Range<usize>| text[(*word).clone()].chars().count() >= LONG;
        if passage.len() >= PASSAGE.0 && passage.iter().filter(long).count() >= PASSAGE.1 {
            for word in &passage {
                out.push_str(&text[copied..word.start]);
                out.push_str(&usual(&text[word.clone()]));
                copied = word.end;
            }
        }
        passage.clear();
    }
    (copied > 0).then(|| out + &text[copied..])
}

/// The words of a text: runs of letters and marks, of two letters and more.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + text[at..].find(char::is_alphabetic)?;
            let rest = &text[start..];
            at = start + rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
            if text[start..at].chars().nth(1).is_some() {
                return Some(start..at);
            }
        }
    })
}

/// A word in capitals as a sentence has it: small where it is only a word, with a capital where it may be a name, and as it stands where it
/// may be an acronym.
fn usual(word: &str) -> Cow<'_, str> {
    let mut small = String::with_capacity(word.len());
    for c in word.chars() {
        let mut lower = c.to_lowercase();
        match (lower.next(), lower.next()) {
            (Some(one), None) if one.len_utf8() == c.len_utf8() => small.push(one),
            _ => small.push(c),
        }
    }
    let first = word.chars().next().map_or(0, char::len_utf8);
    let title = [&word[..first], &small[first..]].concat();
    if is_no_name(&title) {
        return Cow::Owned(small);
    }
    let acronym = word.chars().count() <= ACRONYM && is_unknown(&title);
    if acronym { Cow::Borrowed(word) } else { Cow::Owned(title) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn passages_in_capitals_get_the_case_of_a_sentence() {
        for (text, read) in [
            ("NOTICE TO YASMIN KHAN", "notice to Yasmin Khan"),
            ("PAID BY IBM TO SMITH, CHRISTINE ON 3/4", "paid by IBM to Smith, Christine on 3/4"),
            ("GARCÍA,ÉLODIE,1980,BOGOTÁ", "García,Élodie,1980,Bogotá"),
            // Capitals that keep their length alone: a small İ is longer.
            ("İSTANBUL MERKEZ ŞUBESİ", "İstanbul Merkez Şubesİ"),
            ("Patient JOHN SMITH was seen", "Patient JOHN SMITH was seen"),
            ("NASA, ESA, CNES and JAXA", "NASA, ESA, CNES and JAXA"),
            ("Who says so? NOBODY HERE ANSWERS. I do.", "Who says so? Nobody here Answers. I do."),
            ("1 2 3", "1 2 3"),
            ("", ""),
        ] {
            assert_eq!(Reading::new(text).text(), read);
        }
    }

    #[test]
    fn what_a_model_found_stands_in_the_original() {
        let text = "DEAR\u{a0}MS RE\u{ad}BECCA\r\nKOWALSKI, HELLO";
        let reading = Reading::new(text);
        assert_eq!(reading.text(), "Dear MS Rebecca\nKowalski, Hello");
        let span = |start, end| ClassSpan { start, end, class: "PER".to_owned(), score: 0.7 };
        let places: Vec<_> =
            reading.back(vec![span(8, 15), span(16, 24)]).into_iter().map(|s| s.start..s.end).collect();
        assert_eq!(
            places.into_iter().map(|place| &text[place]).collect::<Vec<_>>(),
            ["RE\u{ad}BECCA", "KOWALSKI"]
        );
    }

    proptest! {
        #[test]
        fn a_reading_is_as_long_as_the_view(text in "[A-ZÀ-ſẞΑ-Ωa-c \r\n\u{a0}\u{ad}1İK]{0,80}") {
            let (reading, view) = (Reading::new(&text), View::new(&text));
            prop_assert_eq!(reading.text().len(), view.text().len());
            prop_assert!(reading.text().chars().map(char::len_utf8).eq(view.text().chars().map(char::len_utf8)));
        }
    }
}
