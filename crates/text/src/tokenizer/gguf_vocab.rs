//! A vocabulary as GGUF metadata describes it (`tokenizer.ggml.*`), and the tokenizer it makes.

use std::collections::HashMap;

use sotto_format::{Array, FormatError, Metadata, Value};

use super::added::AddedTokens;
use super::bpe::ByteLevelBpe;
use super::json::precompiled::Precompiled;
use super::pretokenizer::PreTokenizer;
use super::sentence_unigram::SentenceUnigram;
use super::spm::SentencePiece;
use super::unigram::Unigram;
use super::vocab::{TokenKind, Vocab};
use super::wordpiece::WordPiece;
use super::{Algorithm, Tokenizer, TokenizerError, byte_level, special, spm, wordpiece};

/// What GGUF says about a tokenizer. Every field but `model` and `tokens` may be left at its default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GgufVocab {
    /// The algorithm: "llama" (SentencePiece BPE), "gpt2" (byte-level BPE), "gemma4" (BPE over characters), "bert"
    /// (WordPiece) or "t5" (SentencePiece Unigram).
    pub model: String,
    /// How byte-level BPE cuts words: "llama-bpe", "qwen2", "gpt-2", ...
    pub pre: Option<String>,
    /// The text of each id.
    pub tokens: Vec<String>,
    /// One a token, or none: higher merges first ("llama"), or log-probabilities ("t5").
    pub scores: Vec<f32>,
    /// One a token, or none: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
    pub token_types: Vec<i32>,
    /// Pairs of tokens with a space between, best first ("gpt2").
    pub merges: Vec<String>,
    /// The tokens stand in the order of their merges, which need no list then ("gpt2").
    pub in_order: bool,
    /// Begins a text.
    pub bos: Option<u32>,
    /// Ends a text.
    pub eos: Option<u32>,
    /// Ends a turn.
    pub eot: Option<u32>,
    /// Ends a message.
    pub eom: Option<u32>,
    /// Stands for what has no token.
    pub unk: Option<u32>,
    /// Ends a sequence ("bert").
    pub sep: Option<u32>,
    /// Fills up.
    pub pad: Option<u32>,
    /// Begins a sequence ("bert").
    pub cls: Option<u32>,
    /// Stands for what is to be guessed ("bert").
    pub mask: Option<u32>,
    /// Whether BOS goes before every text; by default as the model's family has it.
    pub add_bos: Option<bool>,
    /// Whether EOS goes after every text.
    pub add_eos: Option<bool>,
    /// Whether a text gets a space in front ("llama"; true by default).
    pub add_space_prefix: Option<bool>,
    /// Whether letters lose case and accents ("bert"; true by default).
    pub lowercase: Option<bool>,
    /// Compiled rules for normalising ("t5"), or none.
    pub precompiled_charsmap: Vec<u8>,
    /// Whether runs of spaces are one ("t5"; true by default).
    pub remove_extra_whitespaces: Option<bool>,
    /// White space after a control token belongs to it (Phi-3).
    pub strip_after_control: bool,
}

const TOKENS: &str = "tokenizer.ggml.tokens";
/// The same as one string, a token a line, which takes 7 bytes less for each: byte-level BPE has no line end in a token. They stand in
/// the order of their merges.
const TOKEN_LINES: &str = "sotto.tokenizer.tokens";
/// More than any vocabulary has.
const MAX_LINES: usize = 1 << 22;

fn token_lines(lines: &str) -> Result<Vec<String>, FormatError> {
    let tokens: Vec<String> = lines.split('\n').take(MAX_LINES + 1).map(str::to_owned).collect();
    if tokens.len() > MAX_LINES {
        let value = lines.split('\n').count() as i128;
        return Err(FormatError::OutOfRange {
            key: TOKEN_LINES.into(),
            expected: "at most 4194304 lines",
            value,
        });
    }
    Ok(tokens)
}

impl GgufVocab {
    /// Reads `tokenizer.ggml.*`. Missing or mistyped keys are errors; ids outside the vocabulary are found when the
    /// tokenizer is built.
    pub fn from_metadata(metadata: &Metadata) -> Result<Self, FormatError> {
        let strings = |key: &str| metadata.strings(key).unwrap_or_default().to_vec();
        let id = |name: &str| id(metadata, name);
        let flag = |name: &str| metadata.bool_opt(&format!("tokenizer.ggml.{name}"));
        let model = metadata.str("tokenizer.ggml.model")?.to_owned();
        let tokens = match metadata.strings(TOKENS) {
            Some(tokens) => tokens.to_vec(),
            None => match metadata.str_opt(TOKEN_LINES)? {
                Some(lines) => token_lines(lines)?,
                None => return Err(FormatError::MissingKey { key: TOKENS.into() }),
            },
        };
        let is_phi3 = metadata.str_or("general.architecture", "")? == "phi3"
            || ["phi-3", "phi3"].iter().any(|name| {
                metadata.str_or("general.name", "").is_ok_and(|given| given.to_lowercase().contains(name))
            });
        Ok(GgufVocab {
            strip_after_control: model == "llama" && is_phi3,
            model,
            pre: metadata.str_opt("tokenizer.ggml.pre")?.map(str::to_owned),
            in_order: metadata.strings(TOKENS).is_none(),
            tokens,
            scores: metadata.f32s("tokenizer.ggml.scores").unwrap_or_default().to_vec(),
            token_types: metadata.i32s("tokenizer.ggml.token_type").unwrap_or_default().to_vec(),
            merges: strings("tokenizer.ggml.merges"),
            bos: id("bos")?,
            eos: id("eos")?,
            eot: id("eot")?,
            eom: id("eom")?,
            unk: id("unknown")?,
            sep: id("seperator")?.or(id("separator")?),
            pad: id("padding")?,
            cls: id("cls")?,
            mask: id("mask")?,
            add_bos: flag("add_bos_token")?,
            add_eos: flag("add_eos_token")?,
            add_space_prefix: flag("add_space_prefix")?,
            lowercase: flag("normalizer.lowercase")?,
            precompiled_charsmap: bytes(metadata, "tokenizer.ggml.precompiled_charsmap"),
            remove_extra_whitespaces: flag("remove_extra_whitespaces")?,
        })
    }

    /// The tokens with a part of their own, under GGUF's names.
    pub(crate) fn special_ids(&self) -> [(&'static str, Option<u32>); 9] {
        [
            ("bos_token_id", self.bos),
            ("eos_token_id", self.eos),
            ("eot_token_id", self.eot),
            ("eom_token_id", self.eom),
            ("unknown_token_id", self.unk),
            // The misspelling is GGUF's own.
            ("seperator_token_id", self.sep),
            ("padding_token_id", self.pad),
            ("cls_token_id", self.cls),
            ("mask_token_id", self.mask),
        ]
    }

    fn check(&self) -> Result<(), TokenizerError> {
        let tokens = self.tokens.len();
        if tokens == 0 {
            return Err(TokenizerError::Empty);
        }
        let lists = [
            ("tokenizer.ggml.scores", self.scores.len()),
            ("tokenizer.ggml.token_type", self.token_types.len()),
        ];
        for (list, len) in lists {
            if len != 0 && len != tokens {
                return Err(TokenizerError::Length { list, len, tokens });
            }
        }
        for (name, id) in self.special_ids() {
            if let Some(id) = id.filter(|&id| id as usize >= tokens) {
                return Err(TokenizerError::SpecialId { name, id, tokens });
            }
        }
        Ok(())
    }

    /// The kind of each token: what the file says, put right where the name shows better.
    fn kinds(&self, eog: &[u32]) -> Vec<TokenKind> {
        let untyped_bytes = self.token_types.is_empty() && self.model == "llama";
        let kind = |(id, token): (u32, &String)| match self.token_types.get(id as usize) {
            _ if eog.binary_search(&id).is_ok() => TokenKind::Control,
            None if untyped_bytes && spm::byte_of(token).is_some() => TokenKind::Byte,
            None => TokenKind::Normal,
            Some(&ty) => TokenKind::from_gguf(ty),
        };
        (0u32..).zip(&self.tokens).map(kind).collect()
    }

    fn id(&self, name: &str) -> Option<u32> {
        self.tokens.iter().position(|token| token == name).and_then(|id| u32::try_from(id).ok())
    }

    /// All ids that end a generation, in order.
    fn end_of_generation(&self, eos: Option<u32>) -> Vec<u32> {
        let ordinary = |id: u32| {
            self.token_types.get(id as usize).is_some_and(|&ty| TokenKind::from_gguf(ty) == TokenKind::Normal)
        };
        let named: Vec<(u32, &str)> = (0u32..)
            .zip(self.tokens.iter().map(String::as_str))
            .filter(|&(id, token)| special::ends_generation(token, ordinary(id)))
            .collect();
        let has = |name: &str| named.iter().any(|(_, token)| *token == name);
        let by_name =
            named.iter().filter(|(_, token)| !special::means_something_else(token, has)).map(|(id, _)| *id);
        let mut ids: Vec<u32> = by_name.chain([eos, self.eot, self.eom].into_iter().flatten()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// An array of bytes, which converters write as signed or unsigned.
fn bytes(metadata: &Metadata, key: &str) -> Vec<u8> {
    match metadata.get(key) {
        Some(Value::Array(Array::U8(bytes))) => bytes.clone(),
        Some(Value::Array(Array::I8(bytes))) => bytes.iter().map(|byte| byte.cast_unsigned()).collect(),
        _ => Vec::new(),
    }
}

/// A token id; -1, as some converters write for "none", is none.
fn id(metadata: &Metadata, name: &str) -> Result<Option<u32>, FormatError> {
    let key = format!("tokenizer.ggml.{name}_token_id");
    match metadata.get(&key).and_then(Value::as_integer) {
        Some(-1) => Ok(None),
        Some(id) if id == i128::from(u32::MAX) => Ok(None),
        _ => metadata.u32_opt(&key),
    }
}

impl Tokenizer {
    /// Rebuilds the tokenizer that GGUF metadata describes.
    pub fn from_gguf(vocab: &GgufVocab) -> Result<Tokenizer, TokenizerError> {
        vocab.check()?;
        match vocab.model.as_str() {
            "llama" => sentence_piece(vocab),
            "gemma4" => marked_bpe(vocab),
            "gpt2" if vocab.pre.as_deref().is_some_and(|pre| MARKED_BPE.contains(&pre)) => marked_bpe(vocab),
            "gpt2" => byte_level_bpe(vocab),
            "bert" => word_piece(vocab),
            "t5" => unigram(vocab),
            _ => Err(TokenizerError::UnknownModel { model: vocab.model.clone() }),
        }
    }

    fn build(
        gguf: &GgufVocab,
        vocab: Vocab,
        algorithm: Algorithm,
        specials: Specials,
        eog: Vec<u32>,
    ) -> Result<Tokenizer, TokenizerError> {
        let around = |wanted: bool, id: Option<u32>| if wanted { Vec::from_iter(id) } else { Vec::new() };
        if gguf.add_bos == Some(true) && specials.first.is_none() {
            return Err(TokenizerError::NoSpecial { name: "BOS" });
        }
        if gguf.add_eos == Some(true) && specials.last.is_none() {
            return Err(TokenizerError::NoSpecial { name: "EOS" });
        }
        let strip_after = if gguf.strip_after_control { strip_after(gguf, &vocab) } else { Vec::new() };
        Ok(Tokenizer {
            added: AddedTokens::new(&vocab, strip_after)?,
            vocab,
            algorithm,
            bos: specials.first,
            eos: specials.last,
            unk: specials.unk,
            eog,
            prefix: around(gguf.add_bos.unwrap_or(specials.add_first), specials.first),
            suffix: around(gguf.add_eos.unwrap_or(specials.add_last), specials.last),
            strip_leading_space: specials.leading_space,
        })
    }
}

/// Names of `tokenizer.ggml.pre` whose merges are over characters, with \u{2581} for spaces, and not over bytes.
const MARKED_BPE: &[&str] = &["gemma4", "granite-embed-multi-311m"];

/// What an algorithm's family puts around a text.
struct Specials {
    first: Option<u32>,
    last: Option<u32>,
    unk: Option<u32>,
    add_first: bool,
    add_last: bool,
    leading_space: bool,
}

fn sentence_piece(gguf: &GgufVocab) -> Result<Tokenizer, TokenizerError> {
    // Files without ids mean those of Llama's own vocabulary.
    let or = |id: Option<u32>, usual: u32| id.or(((usual as usize) < gguf.tokens.len()).then_some(usual));
    let (unk, eos) = (or(gguf.unk, 0), or(gguf.eos, 2));
    let eog = gguf.end_of_generation(eos);
    let kinds = gguf.kinds(&eog);
    let space = gguf.add_space_prefix.unwrap_or(true);
    let algorithm =
        Algorithm::SentencePiece(SentencePiece::new(&gguf.tokens, &kinds, &gguf.scores, unk, space));
    let specials = Specials {
        first: or(gguf.bos, 1),
        last: eos,
        unk,
        add_first: true,
        add_last: false,
        leading_space: space,
    };
    Tokenizer::build(gguf, pieces(gguf, &kinds, spm::piece_bytes), algorithm, specials, eog)
}

/// Gemma 4's: merges as byte-level BPE lists them, over characters as SentencePiece has them. A piece merges as early as
/// the first merge that makes it; a run of line ends, which no merge makes, is the token there is for it.
fn marked_bpe(gguf: &GgufVocab) -> Result<Tokenizer, TokenizerError> {
    let eog = gguf.end_of_generation(gguf.eos);
    let kinds = gguf.kinds(&eog);
    let mut scores: HashMap<String, f32> = HashMap::with_capacity(gguf.merges.len());
    for (rank, pair) in gguf.merges.iter().enumerate() {
        // The first piece may begin with the space between the two.
        let space = pair.char_indices().skip(1).find(|&(_, c)| c == ' ').map(|(at, _)| at);
        let (left, right) = space.map(|at| pair.split_at(at)).ok_or(TokenizerError::Merge { index: rank })?;
        scores.entry(format!("{left}{}", &right[1..])).or_insert(-1.0 - rank as f32);
    }
    let score = |token: &String| match scores.get(token) {
        Some(&score) => Some(score),
        None if token.chars().count() == 1 || token.bytes().all(|byte| byte == b'\n') => Some(0.0),
        None => None,
    };
    let reached: Vec<Option<f32>> = gguf.tokens.iter().map(score).collect();
    let mergeable = kinds.iter().zip(&reached).map(|(&kind, reached)| match kind {
        TokenKind::Normal | TokenKind::Unused if reached.is_none() => TokenKind::Unknown,
        kind => kind,
    });
    let mergeable: Vec<TokenKind> = mergeable.collect();
    let scores: Vec<f32> = reached.iter().map(|score| score.unwrap_or_default()).collect();
    let algorithm = SentencePiece::new(&gguf.tokens, &mergeable, &scores, gguf.unk, false);
    let specials = Specials {
        first: gguf.bos,
        last: gguf.eos,
        unk: gguf.unk,
        add_first: false,
        add_last: false,
        leading_space: false,
    };
    let vocab = pieces(gguf, &kinds, spm::piece_bytes);
    Tokenizer::build(gguf, vocab, Algorithm::SentencePiece(algorithm), specials, eog)
}

fn byte_level_bpe(gguf: &GgufVocab) -> Result<Tokenizer, TokenizerError> {
    let pre_tokenizer = PreTokenizer::named(gguf.pre.as_deref())?;
    let eog = gguf.end_of_generation(gguf.eos);
    let vocab = pieces(gguf, &gguf.kinds(&eog), |token, kind| match kind {
        TokenKind::Normal | TokenKind::Unused => byte_level::decode(token),
        TokenKind::Byte => spm::piece_bytes(token, kind),
        TokenKind::Control | TokenKind::Unknown | TokenKind::UserDefined => token.as_bytes().to_vec(),
    });
    let specials = Specials {
        first: gguf.bos,
        last: gguf.eos,
        unk: gguf.unk,
        add_first: pre_tokenizer.add_bos(),
        add_last: false,
        leading_space: false,
    };
    let bpe = ByteLevelBpe::new(&vocab, gguf, pre_tokenizer)?;
    Tokenizer::build(gguf, vocab, Algorithm::ByteLevelBpe(bpe), specials, eog)
}

fn word_piece(gguf: &GgufVocab) -> Result<Tokenizer, TokenizerError> {
    let unk = gguf.unk.or_else(|| gguf.id("[UNK]")).ok_or(TokenizerError::NoSpecial { name: "unknown" })?;
    let vocab = pieces(gguf, &gguf.kinds(&[]), |token, kind| {
        if kind.is_added() { token.as_bytes().to_vec() } else { wordpiece::piece_bytes(token) }
    });
    let algorithm = Algorithm::WordPiece(WordPiece::new(&gguf.tokens, unk, gguf.lowercase.unwrap_or(true))?);
    let specials = Specials {
        first: gguf.cls.or(gguf.bos).or_else(|| gguf.id("[CLS]")),
        last: gguf.sep.or(gguf.eos).or_else(|| gguf.id("[SEP]")),
        unk: Some(unk),
        add_first: true,
        add_last: true,
        leading_space: true,
    };
    Tokenizer::build(gguf, vocab, algorithm, specials, Vec::new())
}

fn unigram(gguf: &GgufVocab) -> Result<Tokenizer, TokenizerError> {
    let eog = gguf.end_of_generation(gguf.eos);
    let kinds = gguf.kinds(&[]);
    let unk = gguf.unk.or_else(|| gguf.id("<unk>"));
    let score = |id: usize| match kinds.get(id) {
        Some(TokenKind::UserDefined) => 0.0,
        _ => gguf.scores.get(id).copied().unwrap_or(0.0).into(),
    };
    let tokens = gguf.tokens.iter().enumerate().map(|(id, token)| (token.clone(), score(id))).collect();
    let in_texts = |id: u32| {
        matches!(kinds.get(id as usize), Some(TokenKind::Normal | TokenKind::UserDefined | TokenKind::Unused))
    };
    let space = gguf.add_space_prefix.unwrap_or(true);
    let algorithm = Algorithm::Unigram(SentenceUnigram {
        model: Unigram::new(tokens, unk, false, in_texts)?,
        rules: match gguf.precompiled_charsmap.as_slice() {
            [] => None,
            map => Some(Precompiled::new(map)?),
        },
        add_space_prefix: space,
        merge_spaces: gguf.remove_extra_whitespaces.unwrap_or(true),
    });
    let specials = Specials {
        first: gguf.bos,
        last: gguf.eos,
        unk,
        add_first: false,
        add_last: true,
        leading_space: space,
    };
    Tokenizer::build(gguf, pieces(gguf, &kinds, spm::piece_bytes), algorithm, specials, eog)
}

fn pieces(gguf: &GgufVocab, kinds: &[TokenKind], bytes: impl Fn(&str, TokenKind) -> Vec<u8>) -> Vocab {
    let mut vocab = Vocab::with_capacity(kinds.len());
    for (token, &kind) in gguf.tokens.iter().zip(kinds) {
        vocab.push(&bytes(token, kind), kind);
    }
    vocab
}

/// Phi-3's control tokens take the white space after them, but for those that Llama's vocabulary had.
fn strip_after(gguf: &GgufVocab, vocab: &Vocab) -> Vec<u32> {
    let keeps = |id: &u32| {
        let name = gguf.tokens.get(*id as usize).map(String::as_str);
        matches!(name, Some("<unk>" | "<s>" | "<|endoftext|>"))
    };
    vocab.added().filter(|id| !keeps(id)).collect()
}
