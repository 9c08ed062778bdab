//! Readers of annotated texts: token lines (IOB2, CoNLL, TSV) and span-JSON.

use serde::Deserialize;

use super::{Document, LabelMap, Span};
use crate::Offsets;

/// A file that cannot be read as annotated text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// A line of span-JSON is not such a line.
    #[error("line {line} is not {{\"text\": ..., \"entities\": [{{\"label\", \"start\", \"end\"}}]}}")]
    Json {
        /// Line, from 1.
        line: usize,
    },
    /// A span does not lie in its text.
    #[error("line {line}: span {start}..{end} does not lie in the text")]
    Span {
        /// Line, from 1.
        line: usize,
        /// Its start in code points.
        start: usize,
        /// Its end in code points.
        end: usize,
    },
    /// A token line without a tag.
    #[error("line {line} has no tag such as O or B-PER in the expected column")]
    Tag {
        /// Line, from 1.
        line: usize,
    },
}

/// Reads any of the formats: span-JSON if it starts with `{` or `[`, else token lines.
pub fn read(data: &str, map: &LabelMap) -> Result<Vec<Document>, ReadError> {
    match data.trim_start().as_bytes().first() {
        Some(b'{' | b'[') => read_spans(data, map),
        _ => read_tokens(data, map),
    }
}

/// Reads span-JSON: an array or one document a line, offsets in Unicode code points.
pub fn read_spans(data: &str, map: &LabelMap) -> Result<Vec<Document>, ReadError> {
    #[derive(Deserialize)]
    struct Row {
        text: String,
        #[serde(default, alias = "spans", alias = "labels")]
        entities: Vec<RowSpan>,
    }
    #[derive(Deserialize)]
    struct RowSpan {
        #[serde(alias = "type", alias = "entity_type")]
        label: String,
        start: usize,
        end: usize,
    }
    let rows: Vec<(usize, Row)> = if data.trim_start().starts_with('[') {
        let rows: Vec<Row> = serde_json::from_str(data).map_err(|e| ReadError::Json { line: e.line() })?;
        rows.into_iter().map(|row| (1, row)).collect()
    } else {
        let lines = data.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        lines
            .map(|(i, line)| {
                serde_json::from_str(line)
                    .map(|row| (i + 1, row))
                    .map_err(|_| ReadError::Json { line: i + 1 })
            })
            .collect::<Result<_, _>>()?
    };
    rows.into_iter()
        .map(|(line, row)| {
            let count = row.text.chars().count();
            let offsets = Offsets::new(&row.text);
            let mut gold = Vec::new();
            for span in row.entities {
                if span.start >= span.end || span.end > count {
                    return Err(ReadError::Span { line, start: span.start, end: span.end });
                }
                if let Some(label) = map.get(&span.label) {
                    gold.push(Span {
                        start: offsets.byte_of_code_point(span.start),
                        end: offsets.byte_of_code_point(span.end),
                        label,
                    });
                }
            }
            gold.sort();
            Ok(Document { text: row.text, gold })
        })
        .collect()
}

/// Reads token lines: a token and, in the last column, its tag (CoNLL, TSV); or, where the first line starts with the token
/// number 1, number, token and tag (IOB2 as universal NER writes it). Tags are `O` or have a prefix `B-`, `I-`, `E-`, `S-`, `L-`, `U-`.
/// Blank lines end a sentence. Where a `# text =` comment gives the sentence, tokens are found in it; else they are joined by spaces.
pub fn read_tokens(data: &str, map: &LabelMap) -> Result<Vec<Document>, ReadError> {
    let mut documents = Vec::new();
    let mut sentence = Sentence::default();
    // Whether the file numbers its tokens, as its first line shows.
    let mut numbered = None;
    for (number, line) in data.lines().enumerate() {
        if let Some(comment) =
            line.strip_prefix("# ").filter(|c| c.starts_with("text =") || c.contains(" = "))
        {
            if let Some(text) = comment.strip_prefix("text =") {
                sentence.text = Some(text.trim().to_owned());
            }
            continue;
        }
        if line.trim().is_empty() {
            documents.extend(std::mem::take(&mut sentence).finish(map));
            continue;
        }
        let columns: Vec<&str> =
            if line.contains('\t') { line.split('\t').collect() } else { line.split(' ').collect() };
        let numbered = *numbered.get_or_insert(columns.len() >= 3 && columns[0] == "1");
        let (token, tag) =
            if numbered { (columns.get(1), columns.get(2)) } else { (columns.first(), columns.last()) };
        let tag = tag.filter(|tag| columns.len() > 1 && is_tag(tag));
        let (Some(token), Some(tag)) = (token, tag) else { return Err(ReadError::Tag { line: number + 1 }) };
        sentence.tokens.push(((*token).to_owned(), tag.trim().to_owned()));
    }
    documents.extend(sentence.finish(map));
    Ok(documents)
}

fn is_tag(column: &str) -> bool {
    let column = column.trim();
    column == "O"
        || column.len() > 2 && column.as_bytes()[1] == b'-' && b"BIESLU".contains(&column.as_bytes()[0])
}

#[derive(Default)]
struct Sentence {
    text: Option<String>,
    tokens: Vec<(String, String)>,
}

impl Sentence {
    fn finish(self, map: &LabelMap) -> Option<Document> {
        if self.tokens.is_empty() {
            return None;
        }
        let located = self.text.and_then(|text| locate(&text, &self.tokens).map(|places| (text, places)));
        let (text, places) = located.unwrap_or_else(|| {
            let mut text = String::new();
            let mut places = Vec::new();
            for (token, _) in &self.tokens {
                if !text.is_empty() {
                    text.push(' ');
                }
                places.push((text.len(), text.len() + token.len()));
                text.push_str(token);
            }
            (text, places)
        });
        let mut gold: Vec<Span> = Vec::new();
        let mut open: Option<String> = None;
        for ((_, tag), (start, end)) in self.tokens.iter().zip(places) {
            let Some((prefix, class)) = tag.split_once('-') else {
                open = None;
                continue;
            };
            let continues = matches!(prefix, "I" | "E" | "L") && open.as_deref() == Some(class);
            match (continues, map.get(class)) {
                (true, Some(_)) => {
                    if let Some(last) = gold.last_mut() {
                        last.end = end;
                    }
                }
                (false, Some(label)) => gold.push(Span { start, end, label }),
                (_, None) => {}
            }
            open = Some(class.to_owned());
        }
        Some(Document { text, gold })
    }
}

fn locate(text: &str, tokens: &[(String, String)]) -> Option<Vec<(usize, usize)>> {
    let mut at = 0;
    tokens
        .iter()
        .map(|(token, _)| {
            let start = at + text.get(at..)?.find(token.as_str())?;
            at = start + token.len();
            Some((start, at))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Label;

    #[test]
    fn token_formats() {
        let map = LabelMap::new();
        let iob = "# sent_id = x\n# text = Ana Ruiz, in York.\n1\tAna\tB-PER\t-\t-\n2\tRuiz\tI-PER\t-\t-\n3\t,\tO\t-\t-\n4\tin\tO\t-\t-\n5\tYork\tB-LOC\t-\t-\n6\t.\tO\t-\t-\n";
        let document = &read(iob, &map).unwrap()[0];
        let spans: Vec<_> =
            document.gold.iter().map(|s| (&document.text[s.start..s.end], s.label.name())).collect();
        assert_eq!(spans, [("Ana Ruiz", "PERSON"), ("York", "LOCATION")]);
        let conll = "@ana\tO\n1998\tB-DATETIME\nAna\tB-PER\nBo\tB-PER\n\t\nx\tB-creative-work\n\n";
        let documents = read(conll, &map).unwrap();
        assert_eq!((documents.len(), documents[0].gold.len(), documents[1].gold.len()), (2, 3, 0));
        assert_eq!(documents[0].text, "@ana 1998 Ana Bo");
        let conll2003 = "1996 CD B-NP O\nE-mail NN I-NP B-ORG\n";
        assert_eq!(
            read(conll2003, &map).unwrap()[0].gold,
            [Span { start: 5, end: 11, label: Label::Organization }]
        );
        assert_eq!(read("token only\n", &map).unwrap_err(), ReadError::Tag { line: 1 });
    }

    #[test]
    fn span_json() {
        let data = "{\"text\":\"😀 Ana\",\"entities\":[{\"label\":\"PER\",\"start\":2,\"end\":5}]}\n";
        let document = &read(data, &LabelMap::new()).unwrap()[0];
        assert_eq!(document.gold, [Span { start: 5, end: 8, label: Label::Person }]);
        assert_eq!(read("{\"text\":1}", &LabelMap::new()).unwrap_err(), ReadError::Json { line: 1 });
        let bad = data.replace(":5}", ":9}");
        assert!(matches!(read(&bad, &LabelMap::new()), Err(ReadError::Span { line: 1, .. })));
        let mapped = LabelMap::new().with("PER", None);
        assert!(read(data, &mapped).unwrap()[0].gold.is_empty());
    }
}
