//! Special tokens that files leave out: models are recognised by the names of their tokens. The names are
//! those llama.cpp looks for.

/// Tokens that end a generation, whatever kind the file gives them.
const END_OF_GENERATION: &[&str] = &[
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<turn|>",
    "<|tool_response>",
    "<｜end▁of▁sentence｜>",
    "[e~[",
    // Code models end a file so.
    "<|fim_pad|>",
    "<fim-pad>",
    "<fim_pad>",
    "<|fim_repo|>",
    "<|repo_name|>",
    "<fim-repo>",
    "<|file_sep|>",
];

/// The same, where the file does not say that the token is an ordinary one: people write these, and Qwen's
/// vocabulary, for one, has a word `</s>`.
const ALSO_WORDS: &[&str] = &["</s>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<eos>"];

/// Whether a token of this name ends a generation; `ordinary` says that the file calls it a normal token.
pub(crate) fn ends_generation(name: &str, ordinary: bool) -> bool {
    END_OF_GENERATION.contains(&name) || (!ordinary && ALSO_WORDS.contains(&name))
}

/// Takes back names that another name in the same vocabulary gives another meaning: in gpt-oss `<|end|>` ends
/// a message and more may follow; in Gemma 4 `</s>` is a word.
pub(crate) fn means_something_else(name: &str, has: impl Fn(&str) -> bool) -> bool {
    match name {
        "<|end|>" => (has("<|return|>") && has("<|call|>")) || (has("<|calls|>") && has("<|flush|>")),
        "</s>" => has("<|tool_response>"),
        _ => false,
    }
}
