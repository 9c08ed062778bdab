//! Plans from metadata: what each architecture reads, and what it says of files that contradict themselves.

use sotto_format::{Array, BlockType, GgufHeader, Metadata, ModelFile, TensorInfo, Value};
use sotto_model::{ModelError, build};
use sotto_plan::{Op, PlanError, RopeLayout};

const DIM: u64 = 64;
const HIDDEN: u64 = 96;
const VOCAB: u64 = 32;
const LAYERS: u64 = 2;

fn tensor(name: String, shape: &[u64]) -> TensorInfo {
    let bytes = 4 * shape.iter().product::<u64>();
    TensorInfo { name, shape: shape.to_vec(), ty: BlockType::F32, file: 0, offset: 0, bytes }
}

/// A file of `architecture` with 4 heads of 16 and 2 key/value heads.
fn file(architecture: &str) -> ModelFile {
    let mut metadata = Metadata::new();
    metadata.insert("general.architecture", Value::String(architecture.to_owned()));
    for (key, value) in [
        ("context_length", 128),
        ("embedding_length", DIM as u32),
        ("feed_forward_length", HIDDEN as u32),
        ("block_count", LAYERS as u32),
        ("attention.head_count", 4),
        ("attention.head_count_kv", 2),
    ] {
        metadata.insert(format!("{architecture}.{key}"), Value::U32(value));
    }
    metadata.insert(format!("{architecture}.attention.layer_norm_rms_epsilon"), Value::F32(1e-5));
    let mut tensors = vec![
        tensor("token_embd.weight".to_owned(), &[VOCAB, DIM]),
        tensor("output_norm.weight".to_owned(), &[DIM]),
    ];
    for layer in 0..LAYERS {
        for (name, shape) in [
            ("attn_norm", &[DIM][..]),
            ("attn_q", &[DIM, DIM]),
            ("attn_k", &[DIM / 2, DIM]),
            ("attn_v", &[DIM / 2, DIM]),
            ("attn_q_norm", &[16]),
            ("attn_k_norm", &[16]),
            ("attn_output", &[DIM, DIM]),
            ("ffn_norm", &[DIM]),
            ("ffn_gate", &[HIDDEN, DIM]),
            ("ffn_up", &[HIDDEN, DIM]),
            ("ffn_down", &[DIM, HIDDEN]),
        ] {
            tensors.push(tensor(format!("blk.{layer}.{name}.weight"), shape));
        }
    }
    let header = GgufHeader { version: 3, metadata, tensors, alignment: 32, data_offset: 0 };
    ModelFile::from_parts(vec![header]).unwrap()
}

fn count(file: &ModelFile, wanted: impl Fn(&Op) -> bool) -> usize {
    build(file).unwrap().plan.ops.iter().filter(|op| wanted(op)).count()
}

#[test]
fn llama_and_its_kin_plan_their_layers() {
    for architecture in ["llama", "mistral3", "qwen2", "qwen3", "smollm3", "granite", "phi3"] {
        let file = file(architecture);
        let model = build(&file).unwrap();
        assert_eq!(model.plan.caches.len(), LAYERS as usize, "{architecture}");
        assert_eq!(model.plan.output_width(), VOCAB as usize);
        assert_eq!(count(&file, |op| matches!(op, Op::SelectOutputs { .. })), 1);
        assert_eq!(count(&file, |op| matches!(op, Op::Linear { .. })), 7 * LAYERS as usize + 1);
    }
}

#[test]
fn architectures_differ_as_their_papers_say() {
    let layout = |op: &Op| match op {
        Op::Rope { rope, .. } => Some(rope.layout),
        _ => None,
    };
    let halves = |op: &Op| layout(op) == Some(RopeLayout::Halves);
    assert_eq!(count(&file("llama"), |op| layout(op) == Some(RopeLayout::Adjacent)), 4);
    assert_eq!(count(&file("qwen2"), halves), 4);
    assert_eq!(count(&file("qwen3"), halves), 4);
    let norms = |op: &Op| matches!(op, Op::RmsNorm { .. });
    assert_eq!(count(&file("llama"), norms), 5);
    assert_eq!(count(&file("qwen3"), norms), 9);

    let mut biased = file("qwen2");
    biased.tensors.push(tensor("blk.0.attn_q.bias".to_owned(), &[DIM]));
    assert_eq!(count(&biased, |op| matches!(op, Op::Linear { bias: Some(_), .. })), 1);
}

#[test]
fn the_head_is_tied_when_the_file_has_none() {
    let tied = build(&file("llama")).unwrap().plan;
    let mut untied = file("llama");
    untied.tensors.push(tensor("output.weight".to_owned(), &[VOCAB, DIM]));
    let untied = build(&untied).unwrap().plan;
    assert_eq!(untied.weights.len(), tied.weights.len() + 1);
}

#[test]
fn contradictions_are_named() {
    let mut unknown = file("llama");
    unknown.metadata.insert("general.architecture", Value::String("mamba9".to_owned()));
    let error = build(&unknown).unwrap_err();
    assert!(matches!(error, ModelError::UnsupportedArchitecture { .. }));
    assert!(error.to_string().contains("mamba9") && error.to_string().contains("qwen3"), "{error}");

    let mut missing = file("llama");
    missing.tensors.retain(|t| t.name != "blk.1.ffn_up.weight");
    let error = build(&missing).unwrap_err();
    assert!(
        matches!(error, ModelError::Plan(PlanError::MissingTensor { name }) if name == "blk.1.ffn_up.weight")
    );

    let mut misshapen = file("llama");
    misshapen.tensors[0].shape = vec![VOCAB, DIM + 1];
    assert!(matches!(build(&misshapen).unwrap_err(), ModelError::Plan(PlanError::TensorShape { .. })));

    for (key, value) in [
        ("attention.head_count", 0),
        ("attention.head_count", u32::MAX),
        ("attention.head_count_kv", 3),
        ("block_count", 0),
        ("embedding_length", u32::MAX),
        ("rope.dimension_count", 17),
        ("rope.dimension_count", 3),
    ] {
        let mut bad = file("llama");
        bad.metadata.insert(format!("llama.{key}"), Value::U32(value));
        let error = build(&bad).unwrap_err();
        assert!(matches!(error, ModelError::Hyperparameter { .. }), "{key} = {value}: {error}");
    }

    let mut short = file("llama");
    short.metadata.insert("llama.attention.head_count_kv", Value::Array(Array::U32(vec![2; 3])));
    let error = build(&short).unwrap_err();
    assert!(matches!(error, ModelError::LayerCount { values: 3, layers: 2, .. }), "{error}");

    let mut scaled = file("llama");
    scaled.metadata.insert("llama.rope.scaling.type", Value::String("dynamic".to_owned()));
    assert!(matches!(build(&scaled).unwrap_err(), ModelError::UnsupportedSetting { .. }));
}

#[test]
fn a_file_whose_tensors_contradict_its_heads_is_refused_by_name() {
    // Heads of 24 elements where the tensors have 16.
    let mut wide = file("qwen3");
    wide.metadata.insert("qwen3.attention.key_length", Value::U32(24));
    wide.metadata.insert("qwen3.attention.value_length", Value::U32(24));
    let error = build(&wide).unwrap_err();
    assert!(error.to_string().contains("blk.0.attn_q.weight"), "{error}");

    // A window that is 0 is none, as Phi-4's files have it.
    let mut phi = file("phi3");
    phi.metadata.insert("phi3.attention.sliding_window", Value::U32(0));
    assert_eq!(
        count(&phi, |op| matches!(op, Op::Attention { attention, .. } if attention.window.is_some())),
        0
    );
    phi.metadata.insert("phi3.attention.sliding_window", Value::U32(7));
    assert_eq!(
        count(&phi, |op| matches!(op, Op::Attention { attention, .. } if attention.window == Some(7))),
        2
    );

    // More experts a token than there are.
    let mut experts = file("qwen3moe");
    for (key, value) in [("expert_count", 2), ("expert_used_count", 3), ("expert_feed_forward_length", 8)] {
        experts.metadata.insert(format!("qwen3moe.{key}"), Value::U32(value));
    }
    for layer in 0..LAYERS {
        experts.tensors.push(tensor(format!("blk.{layer}.ffn_gate_inp.weight"), &[2, DIM]));
    }
    let error = build(&experts).unwrap_err();
    assert!(matches!(error, ModelError::Plan(PlanError::Shape { op: "route", .. })), "{error}");

    let mut stretched = file("llama");
    stretched.metadata.insert("llama.rope.scaling.type", Value::String("yarn".to_owned()));
    stretched.metadata.insert("llama.rope.scaling.factor", Value::F32(f32::NAN));
    assert!(matches!(build(&stretched).unwrap_err(), ModelError::UnsupportedSetting { .. }));
}

/// Qwen3.5 of one layer with linear attention and one with attention, and behind them a layer that drafts further tokens.
fn qwen35() -> ModelFile {
    let mut file = file("qwen35");
    let mut set = |key: &str, value| drop(file.metadata.insert(format!("qwen35.{key}"), value));
    for (key, value) in [
        ("block_count", 3),
        ("nextn_predict_layers", 1),
        ("ssm.conv_kernel", 4),
        ("ssm.state_size", 16),
        ("ssm.group_count", 1),
        ("ssm.time_step_rank", 2),
        ("ssm.inner_size", 48),
    ] {
        set(key, Value::U32(value));
    }
    set("attention.recurrent_layers", Value::Array(Array::Bool(vec![true, false, false])));
    file.tensors.retain(|tensor| !tensor.name.ends_with("attn_q.weight"));
    file.tensors.push(tensor("blk.1.attn_q.weight".to_owned(), &[2 * DIM, DIM]));
    for layer in 0..LAYERS {
        file.tensors.push(tensor(format!("blk.{layer}.post_attention_norm.weight"), &[DIM]));
    }
    for (name, shape) in [
        ("attn_qkv.weight", &[80, DIM][..]),
        ("attn_gate.weight", &[48, DIM]),
        ("ssm_conv1d.weight", &[80, 4]),
        ("ssm_alpha.weight", &[2, DIM]),
        ("ssm_beta.weight", &[2, DIM]),
        ("ssm_a", &[2]),
        ("ssm_dt.bias", &[2]),
        ("ssm_norm.weight", &[24]),
        ("ssm_out.weight", &[DIM, 48]),
    ] {
        file.tensors.push(tensor(format!("blk.0.{name}"), shape));
    }
    file
}

#[test]
fn layers_that_draft_are_left_out_and_linear_attention_keeps_a_state() {
    let file = qwen35();
    assert_eq!(count(&file, |op| matches!(op, Op::DeltaNet { .. })), 1);
    assert_eq!(count(&file, |op| matches!(op, Op::Attention { .. })), 1);
    let plan = build(&file).unwrap().plan;
    assert!(plan.is_recurrent());
    assert_eq!(plan.states.iter().map(|state| state.width).collect::<Vec<_>>(), [80, 2 * 16 * 24]);

    let mut torn = qwen35();
    torn.metadata.insert("qwen35.ssm.state_size", Value::U32(8));
    let message = build(&torn).unwrap_err().to_string();
    assert!(message.contains("blk.0.attn_qkv.weight"), "{message}");
    let mut torn = qwen35();
    torn.metadata.insert("qwen35.ssm.group_count", Value::U32(3));
    assert!(build(&torn).is_err());
    let mut without = qwen35();
    without.tensors.retain(|tensor| tensor.name != "blk.0.ssm_a");
    let message = build(&without).unwrap_err().to_string();
    assert!(message.contains("blk.0.ssm_a"), "{message}");
}
