//! Entities as the package shows them: with offsets in UTF-16 units, Unicode code points and bytes of UTF-8.

use serde::Serialize;
use sotto_pii::{By, Entity, Explain, Label, Replaced, lone};

/// An entity, all offsets those of JavaScript's string.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown {
    label: Label,
    /// UTF-16 units.
    start: usize,
    end: usize,
    score: f32,
    by: By,
    explain: ShownExplain,
    code_points: Span,
    bytes: Span,
    #[serde(skip_serializing_if = "Option::is_none")]
    replacement: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

#[derive(Serialize)]
struct Span {
    start: usize,
    end: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownExplain {
    recogniser: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<String>,
    gave_way: Vec<ShownOther>,
}

#[derive(Serialize)]
struct ShownOther {
    label: Label,
    score: f32,
    by: By,
    recogniser: String,
}

/// Entities sorted by place, found in `text`.
pub(crate) fn found(text: &str, entities: &[Entity]) -> Vec<Shown> {
    let mut cursor = Cursor::new(text, Counts::default());
    entities.iter().map(|entity| shown(entity, &mut cursor)).collect()
}

/// Replaced entities sorted by place; `before` was counted before `text`, which starts at byte `base` of what offsets count in.
pub(crate) fn replaced(text: &str, entities: &[Replaced], before: Counts, base: usize) -> Vec<Shown> {
    let mut cursor = Cursor::new(text, before);
    let show = |replaced: &Replaced| {
        let (start, end) = (replaced.entity.start - base, replaced.entity.end - base);
        let shown = shown(&Entity { start, end, ..replaced.entity.clone() }, &mut cursor);
        Shown { replacement: Some(replaced.replacement.clone()), ..shown }
    };
    entities.iter().map(show).collect()
}

/// Entities of a document's values, each counted in its own value's text.
pub(crate) fn in_document(replaced: &Replaced) -> Shown {
    let (value, path) =
        replaced.place.as_ref().map_or(("", None), |place| (place.value.as_str(), Some(place.path.clone())));
    let shown = shown(&replaced.entity, &mut Cursor::new(value, Counts::default()));
    // Only we know the value that the entity stands in.
    let text = Some(replaced.entity.text(value).to_owned());
    Shown { replacement: Some(replaced.replacement.clone()), path, text, ..shown }
}

fn shown(entity: &Entity, cursor: &mut Cursor<'_>) -> Shown {
    let start = cursor.to(entity.start);
    let end = cursor.to(entity.end);
    let Explain { recogniser, context, gave_way } = entity.explain.clone();
    let other = |o: sotto_pii::Other| ShownOther {
        label: o.label,
        score: o.score,
        by: o.by,
        recogniser: o.recogniser.into(),
    };
    Shown {
        label: entity.label.clone(),
        start: start.units,
        end: end.units,
        score: entity.score,
        by: entity.by,
        explain: ShownExplain {
            recogniser: recogniser.into(),
            context: context.map(Into::into),
            gave_way: gave_way.into_iter().map(other).collect(),
        },
        code_points: Span { start: start.code_points, end: end.code_points },
        bytes: Span { start: start.bytes, end: end.bytes },
        replacement: None,
        path: None,
        text: None,
    }
}

/// How much text there was, each way of counting.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub units: usize,
    pub code_points: usize,
    pub bytes: usize,
}

impl Counts {
    /// These and what `text` adds.
    pub fn with(self, text: &str) -> Counts {
        Cursor::new(text, self).to(text.len())
    }
}

/// Counts while it walks a text once.
struct Cursor<'t> {
    text: &'t str,
    at: usize,
    counts: Counts,
    ascii: bool,
    /// A carried high surrogate stands before `at`, which with a low one makes a character (that is how the
    /// carriers themselves are carried).
    high: bool,
}

impl<'t> Cursor<'t> {
    fn new(text: &'t str, counts: Counts) -> Self {
        Cursor { text, at: 0, counts, ascii: text.is_ascii(), high: false }
    }

    /// The counts before byte `byte`. Offsets come in ascending order.
    fn to(&mut self, byte: usize) -> Counts {
        let passed = self.text.get(self.at..byte).unwrap_or_default();
        self.at = self.at.max(byte);
        let Counts { units, code_points, bytes } = &mut self.counts;
        if self.ascii {
            *units += passed.len();
            *code_points += passed.len();
            *bytes += passed.len();
            return self.counts;
        }
        for c in passed.chars() {
            match lone::carried(c) {
                // Alone, TextEncoder writes U+FFFD for each: three bytes. Together they are four.
                Some(0xdc00..) if self.high => {
                    (*units, *bytes) = (*units + 1, *bytes + 1);
                    self.high = false;
                    continue;
                }
                Some(unit) => {
                    (*units, *code_points, *bytes) = (*units + 1, *code_points + 1, *bytes + 3);
                    self.high = unit < 0xdc00;
                    continue;
                }
                None => {
                    (*units, *code_points, *bytes) =
                        (*units + c.len_utf16(), *code_points + 1, *bytes + c.len_utf8());
                }
            }
            self.high = false;
        }
        self.counts
    }
}

/// The byte at which each UTF-16 unit of `units`, ascending, starts.
pub(crate) fn bytes_of_units(text: &str, units: &[usize]) -> Vec<usize> {
    if text.is_ascii() {
        return units.iter().map(|&unit| unit.min(text.len())).collect();
    }
    let mut bytes = Vec::with_capacity(units.len());
    let mut wanted = units.iter().peekable();
    let mut count = 0;
    for (byte, c) in text.char_indices() {
        let width = if lone::carried(c).is_some() { 1 } else { c.len_utf16() };
        while wanted.next_if(|&&unit| unit < count + width).is_some() {
            bytes.push(byte);
        }
        count += width;
    }
    bytes.resize(units.len(), text.len());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_javascript() {
        // A lone surrogate, an emoji, and one of the characters that carry surrogates.
        let units = [0x61, 0xd800, 0x62, 0xd83d, 0xde00, 0xdbfe, 0xdc00, 0xe9];
        let text = lone::from_utf16(&units);
        let all = Counts::default().with(&text);
        assert_eq!(all, Counts { units: 8, code_points: 6, bytes: 1 + 3 + 1 + 4 + 4 + 2 });
        let b = text.find('b').unwrap();
        assert_eq!(Cursor::new(&text, Counts::default()).to(b).units, 2);
        assert_eq!(
            bytes_of_units(&text, &[0, 2, 3, 7, 8, 99]),
            [0, b, b + 1, text.len() - 2, text.len(), text.len()]
        );
        assert_eq!(bytes_of_units("abc", &[1, 9]), [1, 3]);
    }
}
