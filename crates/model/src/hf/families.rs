//! The kinds of model that folders of safetensors hold: their names for things, and GGUF's. One row a kind.

use sotto_format::Metadata;

use super::keys::{self, Keys};
use super::tensors::{Change, ExpertRows, Made, Name};
use super::{Config, HfError, decoders, encoders, rope};

/// A kind of model.
pub(crate) struct Family {
    /// `model_type` in `config.json`.
    pub model_types: &'static [&'static str],
    /// `general.architecture` in GGUF.
    pub architecture: &'static str,
    /// What names begin with and say nothing by, longest first.
    pub prefixes: &'static [&'static str],
    /// What comes before the number of a layer.
    pub layers: &'static str,
    /// Modules outside layers; earlier tables go first.
    pub names: &'static [&'static [Name]],
    /// Modules of a layer.
    pub layer_names: &'static [&'static [Name]],
    /// Beginnings of the names of modules that have no part in what the model is run for.
    pub ignored: &'static [&'static str],
    /// Whether the model's output is the vocabulary's logits, so that it needs a projection or ties it to the embedding.
    pub gives_words: bool,
    /// Writes the metadata, and tensors that are lists of the config.
    pub keys: fn(&Config, &mut Keys<'_>, &mut Vec<Made>) -> Result<(), HfError>,
}

impl Family {
    /// The family of `model_type`.
    pub fn of(config: &Config) -> Result<&'static Family, HfError> {
        let model_type = config
            .text_opt("model_type")?
            .ok_or_else(|| HfError::MissingSetting { key: config.name("model_type") })?;
        let all = || FAMILIES.iter().chain(encoders::FAMILIES);
        all().find(|family| family.model_types.contains(&model_type)).ok_or_else(|| {
            let known: Vec<&str> = all().flat_map(|family| family.model_types).copied().collect();
            HfError::UnsupportedModelType { model_type: model_type.to_owned(), known: known.join(", ") }
        })
    }

    pub fn strip_prefix<'n>(&self, name: &'n str) -> &'n str {
        self.prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name)
    }

    pub fn write_keys(
        &self,
        config: &Config,
        metadata: &mut Metadata,
        made: &mut Vec<Made>,
    ) -> Result<(), HfError> {
        (self.keys)(config, &mut Keys::new(metadata, self.architecture), made)
    }
}

use Change::{AddOne, Expert, Experts, RopePairs};

const PREFIXES: &[&str] = &["model.language_model.", "language_model.model.", "language_model.", "model."];

const HEAD: &[Name] = &[
    ("embed_tokens", "token_embd", Change::None),
    ("norm", "output_norm", Change::None),
    ("lm_head", "output", Change::None),
];

const LAYER: &[Name] = &[
    ("input_layernorm", "attn_norm", Change::None),
    ("self_attn.q_proj", "attn_q", Change::None),
    ("self_attn.k_proj", "attn_k", Change::None),
    ("self_attn.v_proj", "attn_v", Change::None),
    ("self_attn.qkv_proj", "attn_qkv", Change::None),
    ("self_attn.o_proj", "attn_output", Change::None),
    ("self_attn.q_norm", "attn_q_norm", Change::None),
    ("self_attn.k_norm", "attn_k_norm", Change::None),
    ("post_attention_layernorm", "ffn_norm", Change::None),
    ("mlp.gate_proj", "ffn_gate", Change::None),
    ("mlp.up_proj", "ffn_up", Change::None),
    ("mlp.gate_up_proj", "ffn_up", Change::None),
    ("mlp.down_proj", "ffn_down", Change::None),
    ("mlp.gate", "ffn_gate_inp", Change::None),
    ("mlp.experts.*.gate_proj", "ffn_gate_exps", Expert),
    ("mlp.experts.*.up_proj", "ffn_up_exps", Expert),
    ("mlp.experts.*.down_proj", "ffn_down_exps", Expert),
];

/// Llama's: RoPE pairs become adjacent.
const ADJACENT_PAIRS: &[Name] =
    &[("self_attn.q_proj", "attn_q", RopePairs), ("self_attn.k_proj", "attn_k", RopePairs)];

/// Norms behind attention and feed-forward rather than before.
const POST_NORMS: &[Name] = &[
    ("post_attention_layernorm", "post_attention_norm", Change::None),
    ("post_feedforward_layernorm", "post_ffw_norm", Change::None),
];

const GEMMA_HEAD: &[Name] = &[("norm", "output_norm", AddOne)];
const GEMMA_LAYER: &[Name] = &[
    ("input_layernorm", "attn_norm", AddOne),
    ("self_attn.q_norm", "attn_q_norm", AddOne),
    ("self_attn.k_norm", "attn_k_norm", AddOne),
    ("post_attention_layernorm", "post_attention_norm", AddOne),
    ("pre_feedforward_layernorm", "ffn_norm", AddOne),
    ("post_feedforward_layernorm", "post_ffw_norm", AddOne),
];

const VALUE_ROWS: Change = Change::ValueRows { keys: false };
const QWEN35_LAYER: &[Name] = &[
    ("input_layernorm", "attn_norm", AddOne),
    ("post_attention_layernorm", "post_attention_norm", AddOne),
    ("self_attn.q_norm", "attn_q_norm", AddOne),
    ("self_attn.k_norm", "attn_k_norm", AddOne),
    ("linear_attn.in_proj_qkv", "attn_qkv", Change::ValueRows { keys: true }),
    ("linear_attn.in_proj_z", "attn_gate", VALUE_ROWS),
    ("linear_attn.in_proj_a", "ssm_alpha", VALUE_ROWS),
    ("linear_attn.in_proj_b", "ssm_beta", VALUE_ROWS),
    ("linear_attn.conv1d", "ssm_conv1d", Change::SqueezeValueRows),
    ("linear_attn.A_log", "ssm_a", Change::ValueDecays),
    ("linear_attn.dt_bias", "ssm_dt.bias", VALUE_ROWS),
    ("linear_attn.norm", "ssm_norm", Change::None),
    ("linear_attn.out_proj", "ssm_out", Change::ValueColumns),
];

const LFM2_HEAD: &[Name] = &[("embedding_norm", "token_embd_norm", Change::None)];
const LFM2_LAYER: &[Name] = &[
    ("operator_norm", "attn_norm", Change::None),
    ("self_attn.out_proj", "attn_output", Change::None),
    ("self_attn.q_layernorm", "attn_q_norm", Change::None),
    ("self_attn.k_layernorm", "attn_k_norm", Change::None),
    ("ffn_norm", "ffn_norm", Change::None),
    ("feed_forward.w1", "ffn_gate", Change::None),
    ("feed_forward.w3", "ffn_up", Change::None),
    ("feed_forward.w2", "ffn_down", Change::None),
    ("conv.conv", "shortconv.conv", Change::Squeeze),
    ("conv.in_proj", "shortconv.in_proj", Change::None),
    ("conv.out_proj", "shortconv.out_proj", Change::None),
];

const fn share(first: u64, of: u64, stored: ExpertRows) -> Change {
    Experts { first, of, stored }
}

/// Transformers' own layout of Qwen's experts since version 5: all in one tensor, gate before up.
const FUSED_EXPERTS: &[Name] = &[
    ("mlp.experts.gate_up_proj", "ffn_gate_exps", share(0, 2, ExpertRows::Consecutive)),
    ("mlp.experts.gate_up_proj", "ffn_up_exps", share(1, 2, ExpertRows::Consecutive)),
    ("mlp.experts.down_proj", "ffn_down_exps", Change::None),
];

/// MLX's layout of experts: all in one tensor a projection.
const SWITCH_EXPERTS: &[Name] = &[
    ("mlp.switch_mlp.gate_proj", "ffn_gate_exps", Change::None),
    ("mlp.switch_mlp.up_proj", "ffn_up_exps", Change::None),
    ("mlp.switch_mlp.down_proj", "ffn_down_exps", Change::None),
];

const MIXTRAL_LAYER: &[Name] = &[
    ("block_sparse_moe.gate", "ffn_gate_inp", Change::None),
    ("block_sparse_moe.experts.*.w1", "ffn_gate_exps", Expert),
    ("block_sparse_moe.experts.*.w3", "ffn_up_exps", Expert),
    ("block_sparse_moe.experts.*.w2", "ffn_down_exps", Expert),
    ("block_sparse_moe.switch_mlp.gate_proj", "ffn_gate_exps", Change::None),
    ("block_sparse_moe.switch_mlp.up_proj", "ffn_up_exps", Change::None),
    ("block_sparse_moe.switch_mlp.down_proj", "ffn_down_exps", Change::None),
];

const GPT_OSS_LAYER: &[Name] = &[
    ("post_attention_layernorm", "post_attention_norm", Change::None),
    ("self_attn.sinks", "attn_sinks", Change::None),
    ("mlp.router", "ffn_gate_inp", Change::None),
    ("mlp.experts.gate_up_proj_blocks", "ffn_gate_exps", Change::Mxfp4Experts { first: 0, of: 2 }),
    ("mlp.experts.gate_up_proj_blocks", "ffn_up_exps", Change::Mxfp4Experts { first: 1, of: 2 }),
    ("mlp.experts.down_proj_blocks", "ffn_down_exps", Change::Mxfp4Experts { first: 0, of: 1 }),
    ("mlp.experts.gate_up_proj", "ffn_gate_exps", share(0, 2, ExpertRows::InterleavedTransposed)),
    ("mlp.experts.gate_up_proj", "ffn_up_exps", share(1, 2, ExpertRows::InterleavedTransposed)),
    ("mlp.experts.down_proj", "ffn_down_exps", share(0, 1, ExpertRows::InterleavedTransposed)),
    ("mlp.experts.gate_proj", "ffn_gate_exps", Change::None),
    ("mlp.experts.up_proj", "ffn_up_exps", Change::None),
    ("mlp.experts.gate_up_proj_bias", "ffn_gate_exps.bias", share(0, 2, ExpertRows::Interleaved)),
    ("mlp.experts.gate_up_proj_bias", "ffn_up_exps.bias", share(1, 2, ExpertRows::Interleaved)),
    ("mlp.experts.down_proj_bias", "ffn_down_exps.bias", Change::None),
];

const DECODER: Family = Family {
    model_types: &[],
    architecture: "",
    prefixes: PREFIXES,
    layers: "layers.",
    names: &[HEAD],
    layer_names: &[LAYER],
    ignored: &[],
    gives_words: true,
    keys: plain_decoder,
};

const LLAMA_LAYER: &[&[Name]] = &[ADJACENT_PAIRS, LAYER];

/// All kinds of decoder, by `model_type`.
pub(crate) const FAMILIES: &[Family] = &[
    Family {
        model_types: &["llama", "mistral", "ministral"],
        architecture: "llama",
        layer_names: LLAMA_LAYER,
        keys: decoders::llama,
        ..DECODER
    },
    Family {
        model_types: &["mixtral"],
        architecture: "llama",
        layer_names: &[ADJACENT_PAIRS, MIXTRAL_LAYER, LAYER],
        keys: decoders::mixtral,
        ..DECODER
    },
    Family {
        model_types: &["ministral3"],
        architecture: "mistral3",
        layer_names: LLAMA_LAYER,
        keys: decoders::ministral3,
        ..DECODER
    },
    Family {
        model_types: &["smollm3"],
        architecture: "smollm3",
        layer_names: LLAMA_LAYER,
        keys: decoders::smollm3,
        ..DECODER
    },
    Family {
        model_types: &["granite"],
        architecture: "granite",
        layer_names: LLAMA_LAYER,
        keys: decoders::granite,
        ..DECODER
    },
    Family { model_types: &["qwen2"], architecture: "qwen2", keys: decoders::qwen2, ..DECODER },
    Family { model_types: &["qwen3"], architecture: "qwen3", keys: decoders::qwen2, ..DECODER },
    Family {
        model_types: &["qwen3_moe"],
        architecture: "qwen3moe",
        layer_names: &[FUSED_EXPERTS, SWITCH_EXPERTS, LAYER],
        keys: decoders::qwen3_moe,
        ..DECODER
    },
    Family {
        model_types: &["qwen3_5", "qwen3_5_text"],
        architecture: "qwen35",
        names: &[GEMMA_HEAD, HEAD],
        layer_names: &[QWEN35_LAYER, LAYER],
        // It drafts further tokens.
        ignored: &["mtp."],
        keys: decoders::qwen35,
        ..DECODER
    },
    Family {
        model_types: &["gpt_oss"],
        architecture: "gpt-oss",
        layer_names: &[GPT_OSS_LAYER, LAYER],
        keys: decoders::gpt_oss,
        ..DECODER
    },
    Family {
        model_types: &["olmo2"],
        architecture: "olmo2",
        layer_names: &[POST_NORMS, LAYER],
        keys: decoders::olmo2,
        ..DECODER
    },
    Family {
        model_types: &["olmo3"],
        architecture: "olmo2",
        layer_names: &[POST_NORMS, LAYER],
        keys: decoders::olmo3,
        ..DECODER
    },
    Family { model_types: &["phi3"], architecture: "phi3", keys: decoders::phi3, ..DECODER },
    Family {
        model_types: &["gemma2"],
        architecture: "gemma2",
        names: &[GEMMA_HEAD, HEAD],
        layer_names: &[GEMMA_LAYER, LAYER],
        keys: decoders::gemma2,
        ..DECODER
    },
    Family {
        model_types: &["gemma3_text", "gemma3"],
        architecture: "gemma3",
        names: &[GEMMA_HEAD, HEAD],
        layer_names: &[GEMMA_LAYER, LAYER],
        keys: decoders::gemma3,
        ..DECODER
    },
    Family {
        model_types: &["lfm2"],
        architecture: "lfm2",
        names: &[LFM2_HEAD, HEAD],
        layer_names: &[LFM2_LAYER, LAYER],
        keys: decoders::lfm2,
        ..DECODER
    },
];

fn plain_decoder(config: &Config, keys: &mut Keys<'_>, made: &mut Vec<Made>) -> Result<(), HfError> {
    keys::decoder(config, keys)?;
    rope::write(config, keys, made)
}
