//! Encoders: what their config.json calls things, and llama.cpp's keys.

use sotto_format::{Array, Value};

use super::families::Family;
use super::keys::{Keys, Sizes, rope_base};
use super::tensors::{Change, ExpertRows, Made, Name};
use super::{Config, HfError, rope};

const BERT: &[Name] = &[
    ("embeddings.word_embeddings", "token_embd", Change::None),
    ("embeddings.position_embeddings", "position_embd", Change::None),
    ("embeddings.token_type_embeddings", "token_types", Change::None),
    ("embeddings.LayerNorm", "token_embd_norm", Change::None),
    ("classifier", "cls.output", Change::None),
];

const BERT_LAYER: &[Name] = &[
    ("attention.self.query", "attn_q", Change::None),
    ("attention.self.key", "attn_k", Change::None),
    ("attention.self.value", "attn_v", Change::None),
    ("attention.output.dense", "attn_output", Change::None),
    ("attention.output.LayerNorm", "attn_output_norm", Change::None),
    ("intermediate.dense", "ffn_up", Change::None),
    ("output.dense", "ffn_down", Change::None),
    ("output.LayerNorm", "layer_output_norm", Change::None),
];

const DISTILBERT_LAYER: &[Name] = &[
    ("attention.q_lin", "attn_q", Change::None),
    ("attention.k_lin", "attn_k", Change::None),
    ("attention.v_lin", "attn_v", Change::None),
    ("attention.out_lin", "attn_output", Change::None),
    ("sa_layer_norm", "attn_output_norm", Change::None),
    ("ffn.lin1", "ffn_up", Change::None),
    ("ffn.lin2", "ffn_down", Change::None),
    ("output_layer_norm", "layer_output_norm", Change::None),
];

const DEBERTA: &[Name] = &[
    ("encoder.rel_embeddings", "rel_embd", Change::None),
    ("encoder.LayerNorm", "rel_embd_norm", Change::None),
];

const DEBERTA_LAYER: &[Name] = &[
    ("attention.self.query_proj", "attn_q", Change::None),
    ("attention.self.key_proj", "attn_k", Change::None),
    ("attention.self.value_proj", "attn_v", Change::None),
];

const MODERN_BERT: &[Name] = &[
    ("embeddings.tok_embeddings", "token_embd", Change::None),
    ("embeddings.norm", "token_embd_norm", Change::None),
    ("final_norm", "output_norm", Change::None),
    ("head.dense", "cls", Change::None),
    ("head.norm", "cls.norm", Change::None),
    ("classifier", "cls.output", Change::None),
];

const MODERN_BERT_LAYER: &[Name] = &[
    ("attn_norm", "attn_norm", Change::None),
    ("attn.Wqkv", "attn_qkv", Change::None),
    ("attn.Wo", "attn_output", Change::None),
    ("mlp_norm", "ffn_norm", Change::None),
    ("mlp.Wi", "ffn_up", Change::None),
    ("mlp.Wo", "ffn_down", Change::None),
];

const NOMIC_BERT: &[Name] = &[
    ("embeddings.word_embeddings", "token_embd", Change::None),
    ("embeddings.token_type_embeddings", "token_types", Change::None),
    ("embeddings.LayerNorm", "token_embd_norm", Change::None),
    // As the authors' own files have it.
    ("emb_ln", "token_embd_norm", Change::None),
    ("classifier", "cls.output", Change::None),
];

const NOMIC_BERT_LAYER: &[Name] = &[
    ("self_attn.q_proj", "attn_q", Change::None),
    ("self_attn.k_proj", "attn_k", Change::None),
    ("self_attn.v_proj", "attn_v", Change::None),
    ("self_attn.o_proj", "attn_output", Change::None),
    ("post_attention_layernorm", "attn_output_norm", Change::None),
    ("mlp.gate_proj", "ffn_gate", Change::None),
    ("mlp.up_proj", "ffn_up", Change::None),
    ("mlp.down_proj", "ffn_down", Change::None),
    ("post_mlp_layernorm", "layer_output_norm", Change::None),
    ("attn.Wqkv", "attn_qkv", Change::None),
    ("attn.out_proj", "attn_output", Change::None),
    ("norm1", "attn_output_norm", Change::None),
    ("mlp.fc11", "ffn_up", Change::None),
    ("mlp.fc12", "ffn_gate", Change::None),
    ("mlp.fc2", "ffn_down", Change::None),
    ("norm2", "layer_output_norm", Change::None),
];

const fn share(first: u64, of: u64) -> Change {
    Change::Experts { first, of, stored: ExpertRows::ConsecutiveTransposed }
}

const PRIVACY_FILTER: &[Name] = &[
    ("embed_tokens", "token_embd", Change::None),
    ("norm", "output_norm", Change::None),
    ("score", "cls.output", Change::None),
    ("classifier", "cls.output", Change::None),
];

const PRIVACY_FILTER_LAYER: &[Name] = &[
    ("input_layernorm", "attn_norm", Change::None),
    ("self_attn.q_proj", "attn_q", Change::None),
    ("self_attn.k_proj", "attn_k", Change::None),
    ("self_attn.v_proj", "attn_v", Change::None),
    ("self_attn.o_proj", "attn_output", Change::None),
    ("self_attn.sinks", "attn_sinks", Change::None),
    ("post_attention_layernorm", "ffn_norm", Change::None),
    ("mlp.router", "ffn_gate_inp", Change::None),
    ("mlp.experts.gate_up_proj", "ffn_gate_exps", share(0, 2)),
    ("mlp.experts.gate_up_proj", "ffn_up_exps", share(1, 2)),
    ("mlp.experts.down_proj", "ffn_down_exps", share(0, 1)),
    ("mlp.experts.gate_up_proj_bias", "ffn_gate_exps.bias", half(0)),
    ("mlp.experts.gate_up_proj_bias", "ffn_up_exps.bias", half(1)),
    ("mlp.experts.down_proj_bias", "ffn_down_exps.bias", Change::None),
];

const fn half(first: u64) -> Change {
    Change::Experts { first, of: 2, stored: ExpertRows::Consecutive }
}

/// All kinds of encoder, by `model_type`.
pub(super) const FAMILIES: &[Family] = &[
    Family {
        model_types: &["bert"],
        architecture: "bert",
        prefixes: &["bert."],
        layers: "encoder.layer.",
        names: &[BERT],
        layer_names: &[BERT_LAYER],
        ignored: &["pooler", "cls.", "lm_head"],
        gives_words: false,
        keys: bert,
    },
    Family {
        model_types: &["roberta", "xlm-roberta", "camembert"],
        architecture: "bert",
        prefixes: &["roberta."],
        layers: "encoder.layer.",
        names: &[BERT],
        layer_names: &[BERT_LAYER],
        ignored: &["pooler", "lm_head"],
        gives_words: false,
        keys: roberta,
    },
    Family {
        model_types: &["distilbert"],
        architecture: "bert",
        prefixes: &["distilbert."],
        layers: "transformer.layer.",
        names: &[BERT],
        layer_names: &[DISTILBERT_LAYER],
        ignored: &["vocab_", "qa_outputs"],
        gives_words: false,
        keys: distilbert,
    },
    Family {
        model_types: &["deberta-v2"],
        architecture: "deberta-v2",
        prefixes: &["deberta."],
        layers: "encoder.layer.",
        names: &[DEBERTA, BERT],
        layer_names: &[DEBERTA_LAYER, BERT_LAYER],
        ignored: &["pooler", "cls.", "lm_predictions", "mask_predictions"],
        gives_words: false,
        keys: deberta,
    },
    Family {
        model_types: &["modernbert"],
        architecture: "modern-bert",
        prefixes: &["model."],
        layers: "layers.",
        names: &[MODERN_BERT],
        layer_names: &[MODERN_BERT_LAYER],
        ignored: &["decoder"],
        gives_words: false,
        keys: modern_bert,
    },
    Family {
        model_types: &["nomic_bert"],
        architecture: "nomic-bert",
        prefixes: &["nomic_bert.", "encoder.", "model."],
        layers: "layers.",
        names: &[NOMIC_BERT],
        layer_names: &[NOMIC_BERT_LAYER],
        ignored: &["pooler", "cls."],
        gives_words: false,
        keys: nomic_bert,
    },
    Family {
        model_types: &["openai_privacy_filter"],
        architecture: "openai-privacy-filter",
        prefixes: &["model."],
        layers: "layers.",
        names: &[PRIVACY_FILTER],
        layer_names: &[PRIVACY_FILTER_LAYER],
        ignored: &[],
        gives_words: false,
        keys: privacy_filter,
    },
];

/// What every encoder has.
fn encoder(config: &Config, keys: &mut Keys<'_>, sizes: Sizes, eps: f32) -> Result<(), HfError> {
    keys.size("embedding_length", sizes.dim);
    keys.size("feed_forward_length", sizes.hidden_dim);
    keys.size("block_count", sizes.n_layers);
    keys.size("attention.head_count", sizes.n_heads);
    keys.size("attention.head_count_kv", sizes.n_kv_heads);
    keys.size("attention.key_length", sizes.head_dim);
    keys.size("attention.value_length", sizes.head_dim);
    keys.number("attention.layer_norm_epsilon", eps);
    keys.size("vocab_size", config.size("vocab_size")?);
    keys.set("attention.causal", Value::Bool(false));
    let classifies = config
        .texts_opt("architectures")?
        .is_some_and(|names| names.iter().any(|n| n.ends_with("ForTokenClassification")));
    if classifies {
        keys.set("classifier.output_labels", Value::Array(Array::String(labels(config)?)));
    }
    Ok(())
}

/// `id2label`, in the order of the ids.
fn labels(config: &Config) -> Result<Vec<String>, HfError> {
    let names = config.subsection("id2label");
    let label = |id: usize| Ok(names.text_opt(&id.to_string())?.map(str::to_owned));
    let labels: Vec<String> = (0..).map_while(|id| label(id).transpose()).collect::<Result<_, HfError>>()?;
    if labels.is_empty() {
        return Err(HfError::MissingSetting { key: config.name("id2label") });
    }
    Ok(labels)
}

fn context(config: &Config, keys: &mut Keys<'_>, offset: u32) -> Result<(), HfError> {
    keys.size("context_length", config.size("max_position_embeddings")?.saturating_sub(offset));
    Ok(())
}

fn activation(config: &Config, keys: &mut Keys<'_>, key: &str) -> Result<(), HfError> {
    if let Some(name) = config.text_opt(key)? {
        keys.text("hidden_activation", name);
    }
    Ok(())
}

fn bert(config: &Config, keys: &mut Keys<'_>, _made: &mut Vec<Made>) -> Result<(), HfError> {
    let kind = config.text_opt("position_embedding_type")?;
    config.require("position_embedding_type", kind.is_none_or(|k| k == "absolute"), "\"absolute\"")?;
    encoder(config, keys, Sizes::read(config)?, config.number_opt("layer_norm_eps")?.unwrap_or(1e-12))?;
    activation(config, keys, "hidden_act")?;
    context(config, keys, 0)
}

/// Positions are counted from the row after the one that padding would take.
fn roberta(config: &Config, keys: &mut Keys<'_>, made: &mut Vec<Made>) -> Result<(), HfError> {
    bert(config, keys, made)?;
    let first = config.size_opt("pad_token_id")?.unwrap_or(1) + 1;
    keys.size("position_embedding_offset", first);
    context(config, keys, first)
}

fn distilbert(config: &Config, keys: &mut Keys<'_>, _made: &mut Vec<Made>) -> Result<(), HfError> {
    let (dim, n_heads) = (config.size("dim")?, config.size("n_heads")?);
    config.require("n_heads", n_heads > 0 && dim > 0, "at least 1")?;
    let head_dim = dim / n_heads.max(1);
    let (n_layers, hidden_dim) = (config.size("n_layers")?, config.size("hidden_dim")?);
    let sizes = Sizes { dim, n_layers, n_heads, n_kv_heads: n_heads, head_dim, hidden_dim };
    encoder(config, keys, sizes, 1e-12)?;
    activation(config, keys, "activation")?;
    context(config, keys, 0)
}

/// Models whose attention knows distances both ways round, by matrices that it shares with the tokens: v2 without its
/// convolution, and v3.
fn deberta(config: &Config, keys: &mut Keys<'_>, _made: &mut Vec<Made>) -> Result<(), HfError> {
    encoder(config, keys, Sizes::read(config)?, config.number_opt("layer_norm_eps")?.unwrap_or(1e-7))?;
    activation(config, keys, "hidden_act")?;
    context(config, keys, 0)?;
    for key in ["relative_attention", "share_att_key"] {
        config.require(key, config.flag_opt(key)? == Some(true), "true")?;
    }
    let biased = config.flag_opt("position_biased_input")?.unwrap_or(true);
    config.require("position_biased_input", !biased, "false")?;
    let convolution = config.size_opt("conv_kernel_size")?.unwrap_or(0);
    config.require("conv_kernel_size", convolution == 0, "0")?;
    // A list, or as the authors write it: "p2c|c2p".
    let kinds: Vec<String> = match config.get("pos_att_type") {
        Some(serde_json::Value::String(kinds)) => kinds.split('|').map(str::to_owned).collect(),
        _ => config.texts_opt("pos_att_type")?.unwrap_or_default().into_iter().map(str::to_owned).collect(),
    };
    let both = kinds.len() == 2 && ["c2p", "p2c"].iter().all(|kind| kinds.iter().any(|k| k == kind));
    config.require("pos_att_type", both, "c2p and p2c")?;
    let number = |key: &str| config.get(key).and_then(serde_json::Value::as_i64).unwrap_or(-1);
    // Below 1 both mean that there is no such number.
    let furthest = match number("max_relative_positions") {
        n if n >= 1 => n as u32,
        _ => config.size("max_position_embeddings")?,
    };
    keys.size("attention.max_relative_positions", furthest);
    keys.size("attention.relative_buckets", number("position_buckets").max(0) as u32);
    Ok(())
}

fn modern_bert(config: &Config, keys: &mut Keys<'_>, _made: &mut Vec<Made>) -> Result<(), HfError> {
    encoder(config, keys, Sizes::read(config)?, config.number_opt("norm_eps")?.unwrap_or(1e-5))?;
    activation(config, keys, "hidden_activation")?;
    context(config, keys, 0)?;
    keys.size("attention.sliding_window", config.size_opt("local_attention")?.unwrap_or(128));
    let rope = config.subsection("rope_parameters");
    let base = |kind: &str, old: &str, default| -> Result<f32, HfError> {
        let new = rope.subsection(kind).number_opt("rope_theta")?;
        Ok(new.or(config.number_opt(old)?).unwrap_or(default))
    };
    keys.number("rope.freq_base", base("full_attention", "global_rope_theta", 160_000.0)?);
    keys.number("rope.freq_base_swa", base("sliding_attention", "local_rope_theta", 10_000.0)?);
    match config.texts_opt("layer_types")? {
        Some(kinds) => {
            let local = kinds.iter().map(|kind| *kind == "sliding_attention").collect();
            keys.set("attention.sliding_window_pattern", Value::Array(Array::Bool(local)));
        }
        None => keys.size(
            "attention.sliding_window_pattern",
            config.size_opt("global_attn_every_n_layers")?.unwrap_or(3),
        ),
    }
    Ok(())
}

/// The authors' own files use GPT-2's words for things.
fn nomic_bert(config: &Config, keys: &mut Keys<'_>, _made: &mut Vec<Made>) -> Result<(), HfError> {
    let sizes = match config.size_opt("n_embd")? {
        None => Sizes::read(config)?,
        Some(dim) => {
            let n_heads = config.size("n_head")?.max(1);
            Sizes {
                dim,
                n_layers: config.size("n_layer")?,
                n_heads,
                n_kv_heads: n_heads,
                head_dim: dim / n_heads,
                hidden_dim: config.size("n_inner")?,
            }
        }
    };
    let eps = config.number_opt("layer_norm_eps")?.or(config.number_opt("layer_norm_epsilon")?);
    encoder(config, keys, sizes, eps.unwrap_or(1e-12))?;
    match config.text_opt("activation_function")? {
        Some("swiglu") => keys.text("hidden_activation", "silu"),
        Some(other) => keys.text("hidden_activation", other),
        None => activation(config, keys, "hidden_act")?,
    }
    let context =
        config.size_opt("n_positions")?.map_or_else(|| config.size("max_position_embeddings"), Ok)?;
    keys.size("context_length", context);
    let base = config.number_opt("rotary_emb_base")?;
    keys.number("rope.freq_base", base.map_or_else(|| rope_base(config, 1000.0), Ok)?);
    Ok(())
}

fn privacy_filter(config: &Config, keys: &mut Keys<'_>, made: &mut Vec<Made>) -> Result<(), HfError> {
    encoder(config, keys, Sizes::read(config)?, config.number_opt("rms_norm_eps")?.unwrap_or(1e-5))?;
    context(config, keys, 0)?;
    keys.size("attention.sliding_window", config.size("sliding_window")?);
    keys.size("expert_count", config.size("num_local_experts")?);
    keys.size("expert_used_count", config.size("num_experts_per_tok")?);
    keys.size("expert_feed_forward_length", config.size("intermediate_size")?);
    for (key, expected) in [("swiglu_alpha", 1.702), ("swiglu_limit", 7.0)] {
        let found = config.number_opt(key)?.unwrap_or(expected);
        config.require(key, (found - expected).abs() < 1e-6, "1.702 for alpha, 7 for the limit")?;
    }
    rope::write(config, keys, made)
}
