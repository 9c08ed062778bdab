//! How byte-level BPE cuts a text into words before merging: a table of the regular expressions that the
//! models' own `tokenizer.json` files hold, by the name GGUF gives them in `tokenizer.ggml.pre`.
//!
//! Several expressions run one after the other: each cuts the pieces the one before left, and what it does
//! not match stays a piece of its own. All of them end in "a run of white space gives its last character to
//! the word after it" (`\s+(?!\S)|\s+`). That is the one look-ahead in use, so it is done by hand here, and the
//! rest runs in linear time.

use regex::Regex;

use super::TokenizerError;

/// A compiled entry of the table.
#[derive(Debug)]
pub(crate) struct PreTokenizer {
    splits: Vec<Split>,
    entry: &'static Entry,
}

/// An expression and how its matches end.
#[derive(Debug)]
pub(crate) struct Split {
    regex: Regex,
    /// The expression ended in `\s+(?!\S)|\s+`.
    lends_last_space: bool,
    /// It has `\s*[\r\n]` before that, so white space that ends a line is not lent.
    takes_line_ends: bool,
}

#[derive(Debug)]
struct Entry {
    names: &'static [&'static str],
    patterns: &'static [&'static str],
    /// A word that is a token is that token, whatever the merges would give.
    ignore_merges: bool,
    /// Texts begin with BOS unless the file says otherwise.
    add_bos: bool,
}

const LOOK_AHEAD: &str = r"\s+(?!\S)|\s+";

pub(crate) const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN35: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// As [`QWEN2`], but for English contractions.
const UFAKZEKA: &str = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const MINICPM5: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const GPT4O: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const DEEPSEEK3: &[&str] = &[
    r"\p{N}{1,3}",
    "[一-龥\u{3040}-ゟ゠-ヿ]+",
    r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##,
];

/// The letters are those that had two cases when its authors listed them.
const DEEPSEEK_LLM: &[&str] = &[
    r"[\r\n]",
    r"\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+",
    r"\s?[!-/:-~！-／：-～‘-‟　-。]+",
    r"\s+$",
    "[一-龥ࠀ-一가-\u{d7ff}]+",
    r"\p{N}+",
];

const fn entry(names: &'static [&'static str], patterns: &'static [&'static str]) -> Entry {
    Entry { names, patterns, ignore_merges: false, add_bos: false }
}

static TABLE: &[Entry] = &[
    entry(&["default"], &[r"[\p{P}$+<=>^~|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"]),
    entry(
        &[
            "gpt-2",
            "phi-2",
            "mpt",
            "olmo",
            "jais",
            "trillion",
            "granite-docling",
            "exaone4",
            "mellum",
            "gigachat",
            "modern-bert",
            "a.x-4.0",
            "jina-es",
            "jina-de",
            "jina-v2-es",
            "jina-v2-de",
            "roberta-bpe",
            "jina-v1-en",
            "jina-v2-code",
        ],
        &[GPT2],
    ),
    Entry {
        names: &[
            "llama-bpe",
            "llama3",
            "llama-v3",
            "falcon3",
            "falcon-h1",
            "pixtral",
            "midm-2.0",
            "lfm2",
            "jina-v5-nano",
        ],
        patterns: &[LLAMA3],
        ignore_merges: true,
        add_bos: true,
    },
    entry(&["dbrx", "smaug-bpe", "chatglm-bpe"], &[LLAMA3]),
    Entry { ignore_merges: true, ..entry(&["glm4", "glm5"], &[LLAMA3]) },
    Entry { ignore_merges: true, ..entry(&["minicpm5"], &[r"\p{N}{1,3}", MINICPM5]) },
    entry(
        &[
            "qwen2",
            "deepseek-r1-qwen",
            "megrez",
            "stablelm2",
            "hunyuan",
            "grok-2",
            "solar-open",
            "kormo",
            "f2llmv2",
        ],
        &[QWEN2],
    ),
    entry(&["qwen35"], &[QWEN35]),
    entry(&["ufakzeka"], &[UFAKZEKA]),
    entry(
        &["starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b", "mellum2"],
        &[r"\p{N}", GPT2],
    ),
    entry(&["falcon"], &[r"[\p{P}$+<=>^~|`]+", GPT2, "[0-9][0-9][0-9]"]),
    Entry { names: &["tekken"], patterns: &[TEKKEN], ignore_merges: true, add_bos: true },
    entry(&["gpt-4o", "llama4", "kanana2", "minimax-m2", "talkie"], &[GPT4O]),
    Entry { ignore_merges: true, ..entry(&["granite-embed-multi-97m"], &[GPT4O]) },
    entry(&["deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"], DEEPSEEK3),
    entry(&["deepseek-llm"], DEEPSEEK_LLM),
    entry(&["deepseek-coder"], &[r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-\u{d7ff}]+", r"\p{N}"]),
    entry(&["poro-chat", "bloom", "gpt3-finnish"], &[r" ?[^(\s|.,!?…。，、।۔،)]+"]),
    entry(&["viking"], &[r" ?[^(\s|.,!?…。，、।۔،)]+", r"\p{N}"]),
    entry(
        &["seed-coder"],
        &[
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
    ),
    entry(
        &["bailingmoe", "bailingmoe2", "llada-moe"],
        &[
            r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
        ],
    ),
];

impl PreTokenizer {
    /// The one `tokenizer.ggml.pre` names; without a name, "default", as llama.cpp takes it.
    pub(crate) fn named(pre: Option<&str>) -> Result<Self, TokenizerError> {
        let pre = pre.unwrap_or("default");
        let entry = TABLE.iter().find(|entry| entry.names.contains(&pre)).ok_or_else(|| {
            let known: Vec<&str> = TABLE.iter().flat_map(|entry| entry.names).copied().collect();
            TokenizerError::UnknownPreTokenizer { pre: pre.to_owned(), known: known.join(", ") }
        })?;
        let splits = entry.patterns.iter().map(|pattern| Split::new(pattern)).collect::<Result<_, _>>()?;
        Ok(PreTokenizer { splits, entry })
    }

    /// The name of the table's entry with these expressions, which several models may share.
    pub(crate) fn name_of(patterns: &[String], ignore_merges: bool) -> Option<&'static str> {
        let patterns: Vec<String> = patterns.iter().map(|pattern| greedy(pattern)).collect();
        let entry =
            TABLE.iter().find(|entry| entry.patterns == patterns && entry.ignore_merges == ignore_merges)?;
        entry.names.first().copied()
    }

    pub(crate) fn ignore_merges(&self) -> bool {
        self.entry.ignore_merges
    }

    pub(crate) fn add_bos(&self) -> bool {
        self.entry.add_bos
    }

    /// The words of `text`, in order; together they are `text`.
    pub(crate) fn split<'t>(&self, text: &'t str) -> Vec<&'t str> {
        let mut pieces = if text.is_empty() { Vec::new() } else { vec![text] };
        for split in &self.splits {
            let mut finer = Vec::with_capacity(pieces.len().max(text.len() / 5));
            for piece in pieces {
                split.run(piece, &mut finer);
            }
            pieces = finer;
        }
        pieces
    }
}

impl Split {
    /// Look-ahead is known in one form only, at the end: `\s+(?!\S)|\s+`.
    pub(crate) fn new(pattern: &str) -> Result<Self, TokenizerError> {
        let pattern = &greedy(pattern);
        let without = pattern.strip_suffix(LOOK_AHEAD);
        let regex = Regex::new(&without.map_or(pattern.to_owned(), |start| format!(r"{start}\s+")))
            .map_err(|error| TokenizerError::Build(error.to_string()))?;
        Ok(Split {
            regex,
            lends_last_space: without.is_some(),
            takes_line_ends: pattern.contains(r"\s*[\r\n]"),
        })
    }

    /// Appends the matches in `piece` and what lies between them.
    fn run<'t>(&self, piece: &'t str, out: &mut Vec<&'t str>) {
        out.extend(self.pieces(piece).into_iter().map(|(piece, _)| piece));
    }

    /// The matches in `text` and what lies between them, in order, each with whether it is a match.
    pub(crate) fn pieces<'t>(&self, text: &'t str) -> Vec<(&'t str, bool)> {
        let mut pieces = Vec::with_capacity(text.len() / 5 + 1);
        let (mut at, mut search) = (0, 0);
        while let Some(found) = self.regex.find_at(text, search) {
            let end = self.end(text, found.start(), found.end());
            if found.start() > at {
                pieces.push((&text[at..found.start()], false));
                at = found.start();
            }
            if end > at {
                pieces.push((&text[at..end], true));
                (at, search) = (end, end);
                continue;
            }
            // A match of nothing cuts nothing; the search goes on behind the next character.
            match text[end..].chars().next() {
                Some(c) => search = end + c.len_utf8(),
                None => break,
            }
        }
        if at < text.len() {
            pieces.push((&text[at..], false));
        }
        pieces
    }

    /// Where a match really ends: a run of white space before a word leaves its last character to it.
    fn end(&self, piece: &str, start: usize, end: usize) -> usize {
        let found = &piece[start..end];
        let by_white_space = self.lends_last_space
            && end < piece.len()
            && found.chars().all(char::is_whitespace)
            && !(self.takes_line_ends && found.ends_with(['\r', '\n']));
        match found.char_indices().next_back() {
            Some((last, _)) if by_white_space && last > 0 => start + last,
            _ => end,
        }
    }
}

/// Possessive repetitions (`?+`, `*+`, `++`) as plain ones. In the expressions of tokenizers what follows one never
/// matches what it repeats, so giving back would gain nothing, and the two match the same.
fn greedy(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let (mut escaped, mut in_class, mut repeated) = (false, false, false);
    for c in pattern.chars() {
        if c == '+' && repeated {
            repeated = false;
            continue;
        }
        repeated = !escaped && !in_class && matches!(c, '?' | '*' | '+');
        in_class = !escaped && (c == '[' || in_class && c != ']') || escaped && in_class;
        escaped = c == '\\' && !escaped;
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split<'t>(pre: &str, text: &'t str) -> Vec<&'t str> {
        let pieces = PreTokenizer::named(Some(pre)).unwrap().split(text);
        assert_eq!(pieces.concat(), text);
        pieces
    }

    #[test]
    fn every_entry_compiles_and_loses_nothing() {
        let text = "I'm fine,\r\n\t  thanks 12345  日本語 naïve…  ¡Olé!\n\n  x = [1,2]; // `a|b` \u{2003} ";
        for name in TABLE.iter().flat_map(|entry| entry.names) {
            assert!(split(name, text).len() > 3, "{name}");
        }
    }

    /// The words that the models' own expressions, look-ahead and all, give in `tokenizers` (Oniguruma).
    #[test]
    fn words_are_those_of_the_models_own_expressions() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/reference.json");
        let reference: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for (pre, words) in reference["words"].as_object().unwrap() {
            let pre_tokenizer = PreTokenizer::named(Some(pre)).unwrap();
            for (text, words) in reference["texts"].as_array().unwrap().iter().zip(words.as_array().unwrap())
            {
                let ours = serde_json::json!(pre_tokenizer.split(text.as_str().unwrap()));
                assert_eq!(&ours, words, "{pre}: {text}");
            }
        }
    }

    #[test]
    fn a_run_of_white_space_lends_its_last_character() {
        assert_eq!(split("gpt-2", "a   b"), ["a", "  ", " b"]);
        assert_eq!(split("gpt-2", "a \n\nb "), ["a", " \n", "\n", "b", " "]);
        assert_eq!(split("qwen2", "a \n\n  b  "), ["a", " \n\n", " ", " b", "  "]);
        assert_eq!(split("qwen2", "a\t\tb"), ["a", "\t", "\tb"]);
        assert_eq!(split("qwen2", "a\u{3000}\u{3000}1"), ["a", "\u{3000}", "\u{3000}", "1"]);
    }

    #[test]
    fn digits_go_as_the_model_wants_them() {
        assert_eq!(split("gpt-2", "12345"), ["12345"]);
        assert_eq!(split("llama-bpe", "12345"), ["123", "45"]);
        assert_eq!(split("qwen2", "123"), ["1", "2", "3"]);
        assert_eq!(split("smollm", " 12"), [" ", "1", "2"]);
    }

    #[test]
    fn an_unknown_name_is_an_error_that_names_the_known_ones() {
        let error = PreTokenizer::named(Some("no-such")).unwrap_err().to_string();
        assert!(error.contains("no-such") && error.contains("qwen2"), "{error}");
    }
}
